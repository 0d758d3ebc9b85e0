/** What a policy file says, once its form has been checked. */
import type {
  ErrorHandling,
  HydrateRule,
  PolicyDefaults,
  SealRule,
  TextHandling,
} from "../mcp/policy-options.js";

/** A value of exactly one kind, under the name of the kind. */
export type OneOf<Name extends string> = { readonly [Kind in Name]?: string | undefined };

/** A rule to seal, with its safe view by name: for a place, or for what a schema in a file marks. */
export type SealRuleData = Omit<SealRule, "safeView" | "at"> & {
  readonly at?: string | undefined;
  readonly marked?: string | undefined;
  readonly safeView?: OneOf<"fixed" | "summarizer"> | undefined;
};

/** What a file says of one tool. */
export interface ToolData {
  readonly seal?: "none" | readonly SealRuleData[] | undefined;
  readonly show?: readonly string[] | undefined;
  readonly hydrate?: readonly HydrateRule[] | undefined;
  readonly errors?: ErrorHandling | "pass" | undefined;
  readonly texts?: TextHandling | undefined;
  readonly description?: string | undefined;
}

/** How clients are known that connect over HTTP. */
export interface AuthData {
  readonly jwt?: JwtData | undefined;
  readonly tokens?: readonly TokenData[] | undefined;
}

/** Signed tokens of one issuer: the subject is a claim of theirs. */
export interface JwtData {
  readonly issuer: string;
  readonly audience: string;
  /** A file with a public key in PEM, or the URL of a JSON Web Key Set. */
  readonly key: OneOf<"file" | "jwks">;
  /** Default: `sub`. */
  readonly claim?: string | undefined;
  readonly algorithms?: readonly string[] | undefined;
}

/** A fixed token, by the name of the environment variable that holds it. */
export interface TokenData {
  readonly env: string;
  readonly subject: string;
}

/** Where handles are kept: gone with the process, or under a path or URL. */
export type CacheData = "memory" | OneOf<"sqlite" | "lmdb" | "redis" | "valkey">;

/** Where keys come from: a file, or an environment variable. */
export interface KeysData extends OneOf<"file" | "env"> {
  /** Of a file: a container platform mounted it, so that others may read it. */
  readonly mounted?: boolean | undefined;
}

/** A policy file. */
export interface PolicyData {
  readonly version: 1;
  readonly vault: { readonly cache: CacheData; readonly keys?: KeysData | undefined };
  readonly subject?: string | undefined;
  readonly auth?: AuthData | undefined;
  readonly ttlSeconds?: number | undefined;
  readonly defaults?: PolicyDefaults | undefined;
  readonly servers: Readonly<
    Record<string, { readonly tools: Readonly<Record<string, ToolData>> }>
  >;
}
