/** Applies a policy to tools without an MCP server, for the adapters of agent frameworks. */
import type { MaybePromise } from "../vault/contracts.js";
import {
  callable,
  type OptionsTable,
  optional,
  readOptions,
  required,
  type WithDefaults,
  withMethods,
} from "../vault/options.js";
import type { Vault } from "../vault/vault.js";
import { problemOf, rewriteTool } from "./filter/tool-list.js";
import { type AgentPolicy, checkPolicy } from "./policy/policy.js";
import type { ToolRules } from "./policy/policy-rules.js";
import { checkServerName, checkToolName, subjectOnce } from "./policy/principals.js";
import { NOT_EXECUTED_MISFIT, NOT_EXECUTED_UNKNOWN_SUBJECT } from "./protocol/fixed-texts.js";
import { isObject, type JsonObject } from "./protocol/messages.js";
import type { Echoes } from "./values/echoes.js";
import type { HandleReuse } from "./values/handle-reuse.js";
import { hydrateArguments } from "./values/hydrate-arguments.js";
import { sealToolOutput } from "./values/seal-tool-output.js";
import { type ToolResult, toolError } from "./values/tool-result.js";
import type { ToolScope } from "./values/tool-scope.js";
import { probeVault } from "./values/vault-probe.js";

/** The options that apply to all tools of an agent. */
export interface GuardOptions {
  /** The vault that seals and opens. The caller closes it. */
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /** The name under which the policy lists the tools, as it lists those of a server. */
  readonly server: string;
  /**
   * Returns the user or conversation that the agent works for. It is asked once for each call of a tool, which
   * fails if it throws or returns no text.
   */
  readonly subjectOf: () => MaybePromise<string>;
  /** Gives equal values of one subject the same handle. Default: each value gets a new handle. */
  readonly reuse?: HandleReuse | undefined;
  /**
   * Receives the reason when an output is withheld. The text contains no values. Default:
   * `process.emitWarning`.
   */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** Thrown if a tool refuses a call or fails. The message is safe for a model. */
export class ToolCallError extends Error {
  override readonly name = "ToolCallError";
}

/** Thrown if arguments do not match a tool's schema, before the tool runs. */
export class InvalidArguments extends Error {
  override readonly name = "InvalidArguments";
}

/** The description of a tool for a model. */
export interface ToolIntroduction {
  readonly name: string;
  readonly description: string | undefined;
  /** The JSON schema of its arguments. */
  readonly inputSchema: unknown;
}

const VAULT_METHODS = ["seal", "sealMany", "unsealMany", "describe", "invalidate"] as const;

const OPTIONS: OptionsTable<WithDefaults<GuardOptions, "onWarning">> = {
  vault: required(withMethods<Vault>(...VAULT_METHODS)),
  policy: required(checkPolicy),
  server: required(checkServerName),
  subjectOf: required(callable()),
  reuse: (value) => value as HandleReuse | undefined,
  onWarning: optional(callable(), (text) => process.emitWarning(text)),
};

/** Runs the tools of an agent: opens handles in the arguments and seals the results. */
export class ToolGuard {
  readonly #options: WithDefaults<GuardOptions, "onWarning">;

  /** @throws TypeError RangeError An option is unknown, of the wrong type or out of its bounds. */
  constructor(options: GuardOptions) {
    this.#options = readOptions(options, OPTIONS, { name: "guardTools options", prefix: "" });
  }

  /**
   * Returns `pass` for a tool that the policy does not change, and `refuse` for one that must not
   * be called.
   */
  handlingOf(tool: string): ToolRules["handling"] {
    return this.#rulesOf(tool).handling;
  }

  /**
   * Returns the description and the schema of a tool for a model. They come from the program and
   * are trusted, so they are shown.
   *
   * @throws RangeError The policy opens handles in an argument that the tool does not have.
   */
  introduce(tool: ToolIntroduction): { readonly description: string; readonly schema: JsonObject } {
    const rules = { ...this.#rulesOf(tool.name), texts: "pass" as const };
    const given: JsonObject = { ...tool };
    const problem = problemOf(given, rules);
    if (problem !== undefined) throw new RangeError(`the tool ${tool.name} is refused: ${problem}`);
    const listed = rewriteTool(given, rules, this.#options.server);
    return {
      description: String(listed["description"]),
      schema: listed["inputSchema"] as JsonObject,
    };
  }

  /**
   * Runs a tool that has rules, once.
   *
   * @param run - Receives the arguments with opened values. A text that it returns is parsed if it
   *   is JSON. If the arguments do not match, it throws {@link InvalidArguments}. The model
   *   receives that message unless the message may contain an opened value.
   * @returns The tool's output in the form that a model may see.
   * @throws {@link ToolCallError} The tool did not run, or it failed. The message is for the model.
   */
  async call(
    tool: string,
    args: JsonObject,
    run: (args: JsonObject) => MaybePromise<unknown>,
  ): Promise<unknown> {
    const scope = await this.#scopeOf(tool);
    const unavailable = await probeVault(scope);
    if (unavailable !== undefined) throw new ToolCallError(textOf(unavailable));
    const hydration = await hydrateArguments(args, scope);
    if (!hydration.ok) throw new ToolCallError(textOf(hydration.refusal));
    const result = await resultOf(() => run(hydration.arguments), hydration.echoes);
    const sealed = await sealToolOutput(result, { ...scope, echoes: hydration.echoes });
    if (sealed.isError === true) throw new ToolCallError(textOf(sealed));
    return "structuredContent" in sealed ? sealed.structuredContent : lastText(sealed);
  }

  #rulesOf(tool: string): ToolRules {
    const { policy, server } = this.#options;
    checkToolName(tool, "tool");
    return policy.rulesOf({ server, tool });
  }

  async #scopeOf(tool: string): Promise<ToolScope> {
    const { subjectOf, ...scope } = this.#options;
    const subject = await subjectOnce(subjectOf)().catch(() => undefined);
    if (subject === undefined) throw new ToolCallError(NOT_EXECUTED_UNKNOWN_SUBJECT);
    return { ...scope, tool, subject };
  }
}

/** The maximum length of a validation message for the model, in characters. */
const MAX_MESSAGE_CHARACTERS = 2000;

/** Returns the output or the error of a tool as a result of MCP. */
async function resultOf(run: () => MaybePromise<unknown>, echoes: Echoes): Promise<JsonObject> {
  try {
    const value = await run();
    if (typeof value === "string") return { content: [{ type: "text", text: value }] };
    return { content: [], structuredContent: value ?? null };
  } catch (error) {
    if (error instanceof InvalidArguments) throw new ToolCallError(misfitOf(error, echoes));
    return toolError(messageOf(error));
  }
}

/**
 * Returns an error's message. An error of another realm fails `instanceof`, so the member is read.
 */
function messageOf(error: unknown): string {
  const { message } = (error ?? {}) as { readonly message?: unknown };
  return typeof message === "string" ? message : "The tool failed.";
}

/** Returns a message with the validation errors, so that the model can correct its arguments. */
function misfitOf({ message }: InvalidArguments, echoes: Echoes): string {
  const shown = message.slice(0, MAX_MESSAGE_CHARACTERS);
  return echoes.mayBeIn(shown) ? NOT_EXECUTED_MISFIT : `${NOT_EXECUTED_MISFIT}\n${shown}`;
}

function textsOf({ content }: ToolResult): readonly string[] {
  return content.flatMap((block) => (isObject(block) ? [String(block["text"])] : []));
}

function textOf(result: ToolResult): string {
  return textsOf(result).join("\n");
}

/** Returns the last text, which is the value. A safe view may precede it. */
function lastText(result: ToolResult): string {
  return textsOf(result).at(-1) ?? "";
}
