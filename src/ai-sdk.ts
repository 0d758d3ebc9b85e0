/**
 * Tools of the Vercel AI SDK under a policy: outputs become handles before a model sees them, and
 * handles in arguments become values within the tool that they were granted to.
 *
 * @module
 */
import { loadPeer } from "./load-peer.js";
import { type GuardOptions, InvalidArguments, ToolGuard } from "./mcp/guarded-tools.js";
import { mentionsHandle } from "./mcp/leftover-handles.js";
import type { JsonObject } from "./mcp/messages.js";

export { type GuardOptions, ToolCallError } from "./mcp/guarded-tools.js";

/** The part of the AI SDK's `Tool` that is wrapped. */
export interface AiTool {
  /** Since AI SDK 7 also a function that makes the text for a step. */
  readonly description?: string | ((options: never) => string) | undefined;
  readonly inputSchema?: unknown;
  readonly execute?: ((input: never, options: never) => unknown) | undefined;
}

/** A tool as it is called: with whatever fits its schema. */
interface OpenTool extends AiTool {
  readonly description?: string | ((options: unknown) => string) | undefined;
  readonly execute?: ((input: unknown, options: unknown) => unknown) | undefined;
  readonly needsApproval?: boolean | ((input: unknown, options: unknown) => unknown) | undefined;
}

/** What is used of the package `ai`. */
type AiSdk = Pick<typeof import("ai"), "asSchema" | "jsonSchema">;

/**
 * Returns the tools of an agent under a policy, for one subject.
 *
 * A model may pass handles where the policy opens them, whatever the schema says: what a tool's own
 * schema checks are the values. Tools that the policy refuses are left out. Types are those of the
 * tools, though outputs hold handles where they are sealed. Of a tool that yields results as it goes,
 * the last one counts. An input that holds a handle needs approval where `needsApproval` is a function,
 * which is not asked; `onInputStart`, `onInputDelta` and `onInputAvailable` get handles.
 *
 * @throws TypeError RangeError An option is wrong, a tool has no `execute`, or the policy opens handles
 *   where it has no argument.
 * @throws PeerMissingError The optional package ai is not installed.
 *
 * @example
 * ```ts
 * const guarded = await withVault(tools, { vault, policy, server: "desk", subject: user.id });
 * await generateText({ model, tools: guarded, prompt });
 * ```
 */
export async function withVault<Tools extends Readonly<Record<string, AiTool>>>(
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
  // What a model's provider runs, or the user's browser, returns to the model by other ways.
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
 * A function that decides by the input would decide by the text of a handle: whatever holds one needs
 * approval. Without one it gets what it was written for, the input as the tool's schema reads it.
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

/** What is made for values, and would not know what to do with handles. */
interface MadeForValues {
  readonly toModelOutput?: unknown;
  readonly outputSchema?: unknown;
  /** Providers are strict about schemas that have been written for it alone. */
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
