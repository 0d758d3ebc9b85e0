/** Tools that no MCP server offers, under the same rules: for the adapters of agent frameworks. */
import { checkMethods, checkOptions } from "../vault/checks.js";
import type { MaybePromise } from "../vault/contracts.js";
import type { Vault } from "../vault/vault.js";
import type { Echoes } from "./echoes.js";
import { NOT_EXECUTED_MISFIT } from "./fixed-texts.js";
import type { HandleReuse } from "./handle-reuse.js";
import { hydrateArguments } from "./hydrate-arguments.js";
import { isObject, type JsonObject } from "./messages.js";
import { type AgentPolicy, isAgentPolicy } from "./policy.js";
import type { ToolRules } from "./policy-rules.js";
import { checkServerName, checkSubject } from "./principals.js";
import { sealToolOutput } from "./seal-tool-output.js";
import { problemOf, rewriteTool } from "./tool-list.js";
import { type ToolResult, toolError } from "./tool-result.js";
import { checkScope, type ToolScope } from "./tool-scope.js";
import { probeVault } from "./vault-probe.js";

/** What holds for the tools of an agent. */
export interface GuardOptions {
  /** Seals and opens; it stays yours to close. */
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /** The name under which the policy lists the tools, as it lists those of a server. */
  readonly server: string;
  /** The user or conversation that the agent works for: wrap the tools anew for each. */
  readonly subject: string;
  /** Gives equal values of a subject the same handle. Default: every value gets a new one. */
  readonly reuse?: HandleReuse | undefined;
  /** Hears why an output is withheld, in words without values. Default: `process.emitWarning`. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** A tool refused, or failed, in words that a model may read. */
export class ToolCallError extends Error {
  override readonly name = "ToolCallError";
}

/** The arguments do not fit a tool, which did not run. */
export class InvalidArguments extends Error {
  override readonly name = "InvalidArguments";
}

/** A tool, as a model is told of it. */
export interface ToolIntroduction {
  readonly name: string;
  readonly description: string | undefined;
  /** The JSON schema of its arguments. */
  readonly inputSchema: unknown;
}

const OPTIONS: ReadonlySet<string> = new Set([
  "vault",
  "policy",
  "server",
  "subject",
  "reuse",
  "onWarning",
]);
const VAULT_METHODS = ["seal", "sealMany", "unsealMany", "describe", "invalidate"] as const;

/** Runs the tools of an agent: with opened arguments, for sealed results. */
export class ToolGuard {
  readonly #options: GuardOptions;

  /** @throws TypeError RangeError An option is unknown, of the wrong type or out of its bounds. */
  constructor(options: GuardOptions) {
    checkOptions(options, "withVault options", OPTIONS);
    checkMethods(options.vault, "vault", VAULT_METHODS);
    if (!isAgentPolicy(options.policy)) throw new TypeError("policy must be an AgentPolicy");
    checkServerName(options.server, "server");
    checkSubject(options.subject);
    const { onWarning = (text: string) => process.emitWarning(text) } = options;
    this.#options = { ...options, onWarning };
  }

  /** Returns `pass` for a tool that the policy leaves alone, `refuse` for one that is not to be called. */
  handlingOf(tool: string): ToolRules["handling"] {
    return this.#options.policy.rulesOf(this.#scopeOf(tool)).handling;
  }

  /**
   * Returns what a model is told of a tool. Its texts stand in the program, and are shown.
   *
   * @throws RangeError The policy opens handles where the tool has no argument.
   */
  introduce(tool: ToolIntroduction): { readonly description: string; readonly schema: JsonObject } {
    const { policy, server } = this.#options;
    const scope = this.#scopeOf(tool.name);
    const rules = { ...policy.rulesOf(scope), texts: "pass" as const };
    const given: JsonObject = { ...tool };
    const problem = problemOf(given, rules);
    if (problem !== undefined) throw new RangeError(`the tool ${tool.name} is refused: ${problem}`);
    const listed = rewriteTool(given, rules, server);
    return {
      description: String(listed["description"]),
      schema: listed["inputSchema"] as JsonObject,
    };
  }

  /**
   * Runs a tool once that has rules.
   *
   * @param run - Gets the arguments with values in them. Texts that it returns are taken for JSON if
   *   they are. Where they do not fit, it throws {@link InvalidArguments}, whose message a model reads
   *   unless it may hold a value that was opened.
   * @returns What it returned, as a model may see it.
   * @throws {@link ToolCallError} It did not run, or failed; the message is for the model.
   */
  async call(
    tool: string,
    args: JsonObject,
    run: (args: JsonObject) => MaybePromise<unknown>,
  ): Promise<unknown> {
    const scope = this.#scopeOf(tool);
    const unavailable = await probeVault(scope);
    if (unavailable !== undefined) throw new ToolCallError(textOf(unavailable));
    const hydration = await hydrateArguments(args, scope);
    if (!hydration.ok) throw new ToolCallError(textOf(hydration.refusal));
    const result = await resultOf(() => run(hydration.arguments), hydration.echoes);
    const sealed = await sealToolOutput(result, { ...scope, echoes: hydration.echoes });
    if (sealed.isError === true) throw new ToolCallError(textOf(sealed));
    return "structuredContent" in sealed ? sealed.structuredContent : lastText(sealed);
  }

  #scopeOf(tool: string): ToolScope {
    const scope = { ...this.#options, tool };
    checkScope(scope);
    return scope;
  }
}

/** The most of a message about arguments that a model reads, in characters. */
const MAX_MESSAGE_CHARACTERS = 2000;

/** Returns what a tool gives or throws, in the form of MCP. */
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

/** Errors come from every realm that a tool calls into. */
function messageOf(error: unknown): string {
  const { message } = (error ?? {}) as { readonly message?: unknown };
  return typeof message === "string" ? message : "The tool failed.";
}

/** A model that reads what is wrong with its arguments can mend them. */
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

/** The value itself comes last: a safe view may stand before it. */
function lastText(result: ToolResult): string {
  return textsOf(result).at(-1) ?? "";
}
