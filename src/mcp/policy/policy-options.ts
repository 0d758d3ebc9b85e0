/**
 * The options of a policy: the visible and sealed parts of each tool's results, and the arguments
 * in which handles are opened.
 */
import type { MaybePromise } from "../../vault/contracts.js";
import type { SafeViewRule } from "./safe-views.js";

/** The terms on which a rule seals. */
export interface SealTerms {
  /** The safe view that the model sees. Default: the value's shape, by the schema summarizer. */
  readonly safeView?: SafeViewRule | undefined;
  /**
   * The tools that may open the handle, each as `server/tool`. Default: none, only the owner may
   * open it.
   */
  readonly grant?: readonly string[] | undefined;
  /** Lifetime in seconds. Default: the policy's. */
  readonly ttlSeconds?: number | undefined;
  /** The maximum number of times that the handle may be opened. Default: no limit. */
  readonly maxUses?: number | undefined;
}

/** Seals the value at a place of a tool's result. */
export interface SealRule extends SealTerms {
  /** A JSON pointer in which `*` matches every member or item; `""` is the whole result. */
  readonly at: string;
  /** Whether the place may be absent. A result that lacks a required place is sealed whole. */
  readonly optional?: boolean | undefined;
}

/** Returns JSON pointers to the sensitive parts of a value. If it fails, the result is withheld. */
export type Detector = (value: unknown) => MaybePromise<Iterable<string>>;

/** Seals the parts of a tool's result that a detector finds. */
export interface DetectRule extends SealTerms {
  readonly detect: Detector;
}

/** Opens handles at a place of a tool's arguments. */
export interface HydrateRule {
  /** A JSON pointer in which `*` matches every member or item. */
  readonly at: string;
  /** Whether handles inside longer texts are opened too. Default false. */
  readonly inside?: boolean | undefined;
  /**
   * The format of the longer texts. It determines the escaping, so that a value cannot end a string
   * or begin a command. Default: `"json"` for a text that is valid JSON, else `"text"`, where
   * values are inserted unchanged.
   */
  readonly format?: ArgumentFormat | undefined;
  /**
   * The handling of a call whose argument contains a handle that is not opened. `"pass"` leaves the
   * handle unchanged, for tools whose texts may mention handles. Default `"refuse"`.
   */
  readonly leftover?: LeftoverHandling | undefined;
}

/** The format of a text in which handles are opened. */
export type ArgumentFormat = "text" | "json" | "url" | "shell" | "sql";
/** The handling of a call with a handle that is not opened. */
export type LeftoverHandling = "refuse" | "pass";

/** The policy for one tool. */
export interface ToolPolicy {
  /** The rules that seal. Default: the whole result is sealed. `"none"`: nothing is sealed. */
  readonly seal?: readonly (SealRule | DetectRule)[] | "none" | undefined;
  /**
   * The places that stay visible. All others are sealed under the rule for `""`, or for the owner
   * only.
   */
  readonly show?: readonly string[] | undefined;
  /** The arguments in which handles are opened. Default: none. */
  readonly hydrate?: readonly HydrateRule[] | undefined;
  /**
   * The handling of errors. `"pass"`, only for tools that seal nothing, shows errors after opened
   * values have been replaced.
   */
  readonly errors?: ErrorHandling | "pass" | undefined;
  /** Whether the texts and examples of the server's tool description are shown. */
  readonly texts?: TextHandling | undefined;
  /** A description of the tool for the model, which replaces the server's description. */
  readonly description?: string | undefined;
}

/** The policy for the tools of one server. */
export interface ServerPolicy {
  readonly tools: Readonly<Record<string, ToolPolicy>>;
}

/** The handling of tools, resources and prompts without a rule. */
export type UnlistedHandling = "seal" | "pass" | "refuse";
/** The handling of rules for names that a server does not have. */
export type UnknownNamesHandling = "warn" | "refuse";
/** The handling of errors: replaced by a handle for the owner, or by a fixed text only. */
export type ErrorHandling = "seal" | "fixed";
/** The handling of a server's texts about itself and its tools: withheld, or shown unchanged. */
export type TextHandling = "fixed" | "pass";

/** Defaults for tools without a rule of their own. */
export interface PolicyDefaults {
  /** Default `"seal"`. */
  readonly unlisted?: UnlistedHandling | undefined;
  /**
   * The handling of rules for a tool that the server does not list, or for a place that the tool's
   * output schema excludes. Such a rule seals nothing, and the data may pass unsealed under another
   * name. `"refuse"`: the server does not start. Default `"warn"`.
   */
  readonly unknownNames?: UnknownNamesHandling | undefined;
  /** Default `"seal"`. */
  readonly errors?: ErrorHandling | undefined;
  /** Default `"fixed"`, or `"pass"` if `unlisted` is `"pass"`. */
  readonly texts?: TextHandling | undefined;
  /**
   * Whether results contain a link to each handle, if the client's revision has links (2025-06-18
   * and later). Reading a link returns the safe view. Default false.
   */
  readonly resourceLinks?: boolean | undefined;
}

/** The options of an `AgentPolicy`. */
export interface PolicyOptions {
  /** Lifetime of handles, in seconds. Default 900. */
  readonly ttlSeconds?: number | undefined;
  readonly defaults?: PolicyDefaults | undefined;
  readonly servers: Readonly<Record<string, ServerPolicy>>;
}
