/**
 * Tools of LangChain.js under a policy. Outputs become handles before a model sees them. Handles in
 * arguments become values inside the tool that has a grant for them.
 *
 * @module
 */
import { loadPeer } from "./load-peer.js";
import { type GuardOptions, InvalidArguments, ToolGuard } from "./mcp/guarded-tools.js";
import type { JsonObject } from "./mcp/protocol/messages.js";

export { type GuardOptions, ToolCallError } from "./mcp/guarded-tools.js";
export { mentionsHandle } from "./mcp/values/leftover-handles.js";

/** The part of a `StructuredTool` that is wrapped. */
export interface LangChainTool {
  readonly name: string;
  readonly description: string;
  readonly schema: unknown;
  invoke(input: never, config?: never): Promise<unknown>;
}

/** A tool without its input types. It is called by `_call`, because `invoke` would report values to tracers. */
interface OpenTool {
  readonly name: string;
  readonly description: string;
  readonly schema: unknown;
  readonly responseFormat?: string | undefined;
  readonly returnDirect?: boolean | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  readonly extras?: Record<string, unknown> | undefined;
  _call(input: unknown, runManager: undefined, config: object | undefined): unknown;
}

/** The part of the package `@langchain/core` that is used here. */
type LangChain = Pick<typeof import("@langchain/core/tools"), "DynamicStructuredTool"> &
  Pick<typeof import("@langchain/core/utils/json_schema"), "toJsonSchema" | "Validator"> &
  Pick<typeof import("@langchain/core/utils/types"), "isInteropZodSchema" | "interopParseAsync">;

type Schema = Parameters<LangChain["toJsonSchema"]>[0];

/**
 * Returns the tools of an agent under a policy, for one subject.
 *
 * - A model may pass handles wherever the policy opens them, because a tool's own schema checks the values.
 * - Tools that the policy refuses are omitted.
 * - The types are those of the tools, although sealed outputs contain handles.
 * - Artifacts are omitted, and callbacks inside a tool are not called, because they would receive values.
 * - A component that asks a human for approval before a tool call sees handles, not values. It must
 *   decide by {@link mentionsHandle}, not by the content of an argument.
 *
 * @throws TypeError RangeError An option is wrong, a tool is not a LangChain tool, or the policy opens
 *   handles in an argument that the tool does not have.
 * @throws PeerMissingError The optional package @langchain/core is not installed.
 *
 * @example
 * ```ts
 * const guarded = await guardTools(tools, { vault, policy, server: "desk", subjectOf: () => user.id });
 * const agent = createAgent({ model, tools: guarded });
 * ```
 */
export async function guardTools<Tool extends LangChainTool>(
  tools: readonly Tool[],
  options: GuardOptions,
): Promise<Tool[]> {
  const guard = new ToolGuard(options);
  const langChain = await loadLangChain();
  return tools
    .filter(({ name }) => guard.handlingOf(name) !== "refuse")
    .map((tool) =>
      guard.handlingOf(tool.name) === "pass"
        ? tool
        : (guardTool(tool as unknown as OpenTool, { guard, langChain }) as unknown as Tool),
    );
}

async function loadLangChain(): Promise<LangChain> {
  const [tools, schemas, types] = await loadPeer("@langchain/core", () =>
    Promise.all([
      import("@langchain/core/tools"),
      import("@langchain/core/utils/json_schema"),
      import("@langchain/core/utils/types"),
    ]),
  );
  return { ...tools, ...schemas, ...types };
}

interface ToolContext {
  readonly guard: ToolGuard;
  readonly langChain: LangChain;
}

function guardTool(tool: OpenTool, { guard, langChain }: ToolContext): object {
  const { name, returnDirect, metadata, extras } = tool;
  if (typeof tool._call !== "function")
    throw new TypeError(`the tool ${name} has no _call to wrap`);
  const inputSchema = langChain.toJsonSchema(tool.schema as Schema);
  const { description, schema } = guard.introduce({
    name,
    description: tool.description,
    inputSchema,
  });
  const fields = {
    name,
    description,
    ...(returnDirect === undefined ? {} : { returnDirect }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(extras === undefined ? {} : { extras }),
    func: async (input: unknown, _runManager?: unknown, config?: object) =>
      guard.call(name, input as JsonObject, async (args) => {
        const valid = await validated(args, tool.schema, langChain);
        return contentOf(tool, await tool._call(valid, undefined, { ...config, callbacks: [] }));
      }),
  };
  const shown = new langChain.DynamicStructuredTool({ ...fields, schema: schema as never });
  const run = new langChain.DynamicStructuredTool({ ...fields, schema: ANYTHING });
  // The schema that the model sees describes values after defaults and conversions, so it would
  // reject valid input. `run` accepts any object, and the tool's own schema checks the opened
  // values.
  return Object.assign(shown, {
    call: (input: unknown, config?: object, tags?: string[]) =>
      run.call(asArguments(input), config, tags),
  });
}

/**
 * The schema for arguments before their handles are opened. It accepts any object, because a handle
 * has another form than the value that the tool's own schema describes.
 */
const ANYTHING = { type: "object" } as const;

/** Returns the arguments of a call. LangChain names the argument of a tool that takes a string `input`. */
function asArguments(input: unknown): object {
  return typeof input === "object" && input !== null ? input : { input };
}

/** Returns the content of a tool's result, without its artifact. Reads a generator to its end. */
async function contentOf({ responseFormat }: OpenTool, given: unknown): Promise<unknown> {
  const returned = isAsyncGenerator(given) ? await lastOf(given) : given;
  const hasArtifact = responseFormat === "content_and_artifact" && Array.isArray(returned);
  return hasArtifact ? returned[0] : returned;
}

async function validated(
  args: JsonObject,
  schema: unknown,
  langChain: LangChain,
): Promise<unknown> {
  const { isInteropZodSchema, interopParseAsync, Validator } = langChain;
  if (isInteropZodSchema(schema)) {
    return interopParseAsync(schema, args).catch((error: unknown) => {
      const { message } = (error ?? {}) as { readonly message?: unknown };
      throw new InvalidArguments(typeof message === "string" ? message : "");
    });
  }
  const { valid, errors } = new Validator(schema as object).validate(args);
  if (!valid) throw new InvalidArguments(errors.map(({ error }) => error).join("\n"));
  return args;
}

async function lastOf(generator: AsyncGenerator<unknown, unknown>): Promise<unknown> {
  let step = await generator.next();
  while (step.done !== true) step = await generator.next();
  return step.value;
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator<unknown, unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
