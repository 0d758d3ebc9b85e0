/** A policy in writing: what agents may see of which tool, and where handles are opened. */
import type { MaybePromise } from "../vault/contracts.js";
import type { SafeViewRule } from "./safe-views.js";

/** On what terms a rule seals. */
interface SealTerms {
  /** What the model may know of the value. Default: its shape, by the schema summarizer. */
  readonly safeView?: SafeViewRule | undefined;
  /** The tools that may open it, each as `server/tool`. Default: none, only the owner may. */
  readonly grant?: readonly string[] | undefined;
  /** Lifetime in seconds. Default: the policy's. */
  readonly ttlSeconds?: number | undefined;
  /** How many times it may be opened; no limit when absent. */
  readonly maxUses?: number | undefined;
}

/** Seals what is at a place of a tool's result. */
export interface SealRule extends SealTerms {
  /** A JSON pointer in which `*` stands for every member or item; `""` is the whole result. */
  readonly at: string;
  /** Whether the place may be absent. A result without a place that must be there is sealed whole. */
  readonly optional?: boolean | undefined;
}

/** Returns JSON pointers to what is sensitive in a value. A detector that fails withholds the result. */
export type Detector = (value: unknown) => MaybePromise<Iterable<string>>;

/** Seals what a detector finds in a tool's result. */
export interface DetectRule extends SealTerms {
  readonly detect: Detector;
}

/** Opens handles at a place of a tool's arguments. */
export interface HydrateRule {
  /** A JSON pointer in which `*` stands for every member or item. */
  readonly at: string;
  /** Opens handles inside longer texts, too. */
  readonly inside?: boolean | undefined;
  /**
   * What the longer texts are, so that a value ends no string and begins no command. Default: `"json"`
   * for what can be read as JSON, else `"text"`, where values are inserted as they are.
   */
  readonly format?: ArgumentFormat | undefined;
  /**
   * What becomes of a call whose argument holds a handle that is not opened: `"pass"`, for tools whose
   * texts may speak of handles, leaves it as it is. Default `"refuse"`.
   */
  readonly leftover?: LeftoverHandling | undefined;
}

/** What a text is that handles are opened inside of. */
export type ArgumentFormat = "text" | "json" | "url" | "shell" | "sql";
/** What becomes of a call with a handle that is left over. */
export type LeftoverHandling = "refuse" | "pass";

/** What a policy says of one tool. */
export interface ToolPolicy {
  /** What to seal. Default: the whole result. `"none"`: nothing of the result. */
  readonly seal?: readonly (SealRule | DetectRule)[] | "none" | undefined;
  /** The places that stay in sight: all else is sealed under the rule for `""`, or for the owner. */
  readonly show?: readonly string[] | undefined;
  /** Where handles in arguments are opened. Default: nowhere. */
  readonly hydrate?: readonly HydrateRule[] | undefined;
  /** `"pass"`, for tools that seal nothing: errors are shown, echoes of opened handles excepted. */
  readonly errors?: ErrorHandling | "pass" | undefined;
  /** Whether the texts and examples in the server's description of the tool are shown. */
  readonly texts?: TextHandling | undefined;
  /** Your own description of the tool for the model; it takes the place of the server's. */
  readonly description?: string | undefined;
}

/** What a policy says of the tools of one server. */
export interface ServerPolicy {
  readonly tools: Readonly<Record<string, ToolPolicy>>;
}

/** What becomes of tools, resources and prompts that no rule names. */
export type UnlistedHandling = "seal" | "pass" | "refuse";
/** What becomes of rules for names that a server does not have. */
export type UnknownNamesHandling = "warn" | "refuse";
/** What becomes of errors: a handle for the owner, or a fixed text alone. */
export type ErrorHandling = "seal" | "fixed";
/** What becomes of texts that a server says of itself and its tools: withheld, or shown as they are. */
export type TextHandling = "fixed" | "pass";

/** What holds where a tool's rules say nothing. */
export interface PolicyDefaults {
  /** Default `"seal"`. */
  readonly unlisted?: UnlistedHandling | undefined;
  /**
   * What becomes of rules for a tool that the server does not list, or for a place that the schema of its
   * output excludes: what they were to seal may pass in clear under another name. `"refuse"`: the server
   * does not start. Default `"warn"`.
   */
  readonly unknownNames?: UnknownNamesHandling | undefined;
  /** Default `"seal"`. */
  readonly errors?: ErrorHandling | undefined;
  /** Default `"fixed"`; `"pass"` where `unlisted` is. */
  readonly texts?: TextHandling | undefined;
  /**
   * Whether results have a link to each handle, where the client's revision has links (2025-06-18 and
   * later); reading it gives the safe view. Default false.
   */
  readonly resourceLinks?: boolean | undefined;
}

/** A policy in writing. */
export interface PolicyOptions {
  /** Lifetime of handles, in seconds. Default 900. */
  readonly ttlSeconds?: number | undefined;
  readonly defaults?: PolicyDefaults | undefined;
  readonly servers: Readonly<Record<string, ServerPolicy>>;
}
