/**
 * Tools of the Vercel AI SDK under a policy. Outputs become handles before a model sees them. Handles in
 * arguments become values inside the tool that has a grant for them.
 *
 * @module
 */
import { loadPeer } from "./load-peer.js";
import { type GuardOptions, InvalidArguments, ToolGuard } from "./mcp/guarded-tools.js";
import type { JsonObject } from "./mcp/protocol/messages.js";
import { mentionsHandle } from "./mcp/values/leftover-handles.js";

export { type GuardOptions, ToolCallError } from "./mcp/guarded-tools.js";

/** The part of the AI SDK's `Tool` that is wrapped. */
export interface AiTool {
  /** The description; since AI SDK 7 it may be a function that returns one for each step. */
  readonly description?: string | ((options: never) => string) | undefined;
  readonly inputSchema?: unknown;
  readonly execute?: ((input: never, options: never) => unknown) | undefined;
}

/** A tool without its input types, in the form in which it is called here. */
interface OpenTool extends AiTool {
  readonly description?: string | ((options: unknown) => string) | undefined;
  readonly execute?: ((input: unknown, options: unknown) => unknown) | undefined;
  readonly needsApproval?: boolean | ((input: unknown, options: unknown) => unknown) | undefined;
}

/** The part of the package `ai` that is used here. */
type AiSdk = Pick<typeof import("ai"), "asSchema" | "jsonSchema">;

/**
 * Returns the tools of an agent under a policy, for one subject.
 *
 * - A model may pass handles wherever the policy opens them, because a tool's own schema checks the values.
 * - Tools that the policy refuses are omitted.
 * - The types are those of the tools, although sealed outputs contain handles.
 * - If a tool yields several results, the last one is used.
 * - If `needsApproval` is a function, an input with a handle always needs approval; the function is not
 *   called.
 * - `onInputStart`, `onInputDelta` and `onInputAvailable` receive handles.
 *
 * @throws TypeError RangeError An option is wrong, a tool has no `execute`, or the policy opens handles in
 *   an argument that the tool does not have.
 * @throws PeerMissingError The optional package ai is not installed.
 *
 * @example
 * ```ts
 * const guarded = await guardTools(tools, { vault, policy, server: "desk", subjectOf: () => user.id });
 * await generateText({ model, tools: guarded, prompt });
 * ```
 */
export async function guardTools<Tools extends Readonly<Record<string, AiTool>>>(
  tools: Tools,
  options: GuardOptions,
): Promise<Tools> {
  const guard = new ToolGuard(options);
  const ai: AiSdk = await loadPeer("ai", () => import("ai"));
  const entries = Object.entries(tools).filter(([name]) => guard.handlingOf(name) !== "refuse");
  const guarded = entries.map(
    async ([name, tool]) => [name, await guardTool(name, tool as OpenTool, { guard, ai })] as const,
  );
  return Object.fromEntries(await Promise.all(guarded)) as unknown as Tools;
}

interface ToolContext {
  readonly guard: ToolGuard;
  readonly ai: AiSdk;
}

async function guardTool(
  name: string,
  tool: OpenTool,
  { guard, ai }: ToolContext,
): Promise<OpenTool> {
  if (guard.handlingOf(name) === "pass") return tool;
  // A tool without `execute` runs at the provider or in the browser, so its output cannot be sealed here.
  if (tool.execute === undefined) throw new TypeError(`the tool ${name} has no execute to wrap`);
  const { execute } = tool;
  const given = ai.asSchema(tool.inputSchema as Parameters<AiSdk["asSchema"]>[0]);
  const inputSchema = await given.jsonSchema;
  const introduce = (text?: string) => guard.introduce({ name, description: text, inputSchema });
  const { description } = tool;
  const {
    toModelOutput: _,
    outputSchema: __,
    strict: ___,
    ...kept
  } = tool as OpenTool & MadeForValues;
  return {
    ...kept,
    ...approvalOf(tool, given),
    description:
      typeof description === "function"
        ? (context) => introduce(description.call(tool, context)).description
        : introduce(description).description,
    inputSchema: ai.jsonSchema(introduce().schema as Parameters<AiSdk["jsonSchema"]>[0]),
    execute: (input, options) =>
      guard.call(name, input as JsonObject, async (args) =>
        lastOf(await execute.call(tool, await validated(args, given), options)),
      ),
  };
}

/**
 * Returns the approval setting of a tool. A function would decide by the text of a handle instead of by the
 * value, so an input with a handle always needs approval. Other inputs are validated by the tool's schema
 * and passed to the function.
 */
function approvalOf(tool: OpenTool, schema: GivenSchema): Pick<OpenTool, "needsApproval"> {
  const { needsApproval } = tool;
  if (typeof needsApproval !== "function") return {};
  return {
    needsApproval: async (input, options) => {
      if (mentionsHandle(input)) return true;
      const valid = await validated(input as JsonObject, schema).catch(() => undefined);
      return valid === undefined || needsApproval.call(tool, valid, options);
    },
  };
}

type GivenSchema = ReturnType<AiSdk["asSchema"]>;

/** Members of a tool that are written for values. They are omitted, because outputs contain handles. */
interface MadeForValues {
  readonly toModelOutput?: unknown;
  readonly outputSchema?: unknown;
  /** Strict mode works only with the schemas that were written for it, not with those that admit handles. */
  readonly strict?: unknown;
}

async function validated(args: JsonObject, { validate }: GivenSchema): Promise<unknown> {
  const result = await validate?.(args);
  if (result === undefined) return args;
  if (!result.success) throw new InvalidArguments(result.error.message);
  return result.value;
}

async function lastOf(output: unknown): Promise<unknown> {
  if (!isAsyncIterable(output)) return output;
  let last: unknown;
  for await (const one of output) last = one;
  return last;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
