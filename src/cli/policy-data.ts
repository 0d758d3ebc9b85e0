/** The types of a policy file's data, after the schema has validated it. */
import type {
  ErrorHandling,
  HydrateRule,
  PolicyDefaults,
  SealRule,
  TextHandling,
} from "../mcp/policy/policy-options.js";

/** An object with exactly one member, whose name is the kind of the value. */
export type OneOf<Name extends string> = { readonly [Kind in Name]?: string | undefined };

/** A sealing rule with its safe view by name. It covers a pointer, or the places that a schema file marks. */
export type SealRuleData = Omit<SealRule, "safeView" | "at"> & {
  readonly at?: string | undefined;
  readonly marked?: string | undefined;
  readonly safeView?: OneOf<"fixed" | "summarizer"> | undefined;
};

/** The rules of one tool. */
export interface ToolData {
  readonly seal?: "none" | readonly SealRuleData[] | undefined;
  readonly show?: readonly string[] | undefined;
  readonly hydrate?: readonly HydrateRule[] | undefined;
  readonly errors?: ErrorHandling | "pass" | undefined;
  readonly texts?: TextHandling | undefined;
  readonly description?: string | undefined;
}

/** The authentication of clients over HTTP. */
export interface AuthData {
  readonly jwt?: JwtData | undefined;
  readonly tokens?: readonly TokenData[] | undefined;
}

/** Signed tokens of one issuer. One of their claims is the subject. */
export interface JwtData {
  readonly issuer: string;
  readonly audience: string;
  /** A file with a public key in PEM, or the URL of a JSON Web Key Set. */
  readonly key: OneOf<"file" | "jwks">;
  /** The claim that holds the subject. Default: `sub`. */
  readonly claim?: string | undefined;
  readonly algorithms?: readonly string[] | undefined;
}

/** A fixed token in an environment variable, given by the variable's name. */
export interface TokenData {
  readonly env: string;
  readonly subject: string;
}

/** The storage of handles: the process's memory, or a database at a path or URL. */
export type CacheData = "memory" | OneOf<"sqlite" | "lmdb" | "redis" | "valkey">;

/** The source of the keys: a file or an environment variable. */
export interface KeysData extends OneOf<"file" | "env"> {
  /** For a file: a container platform mounted it, so other users may read it. */
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
