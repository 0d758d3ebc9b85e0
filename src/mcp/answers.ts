/** What a client gets of a server's results, method by method. */
import type { MaybePromise } from "../vault/contracts.js";
import type { Vault } from "../vault/vault.js";
import { sealCursor } from "./cursors.js";
import { INPUT_WITHHELD } from "./fixed-texts.js";
import { declareResources } from "./handle-links.js";
import type { HandleReuse } from "./handle-reuse.js";
import { introduction } from "./introduction.js";
import type { JsonObject } from "./messages.js";
import { type OpenRequest, revisionAskedFor } from "./open-requests.js";
import type { AgentPolicy } from "./policy.js";
import { sealPlaces } from "./seal-places.js";
import { sealToolOutput } from "./seal-tool-output.js";
import { rewriteTools, type ToolList } from "./tool-list.js";
import { toolError } from "./tool-result.js";

/** A wrapped server, and what holds for it. */
export interface ServerContext {
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /** The server's name, from the policy or code, never from what the server says. */
  readonly server: string;
  readonly reuse?: HandleReuse | undefined;
  /** Hears of the tools that the server lists. */
  readonly onTools: (list: ToolList) => void;
  /** Hears why something is withheld. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** Returns what may be known of a result; `undefined` where nothing may. */
type AnswerRewrite = (
  result: JsonObject,
  request: OpenRequest,
  context: ServerContext,
) => MaybePromise<JsonObject | undefined>;

/** Results of methods that are not here are withheld. */
const ANSWERS: ReadonlyMap<string, AnswerRewrite> = new Map<string, AnswerRewrite>([
  ["initialize", describeServer],
  ["server/discover", describeServer],
  ["ping", () => ({})],
  ["logging/setLevel", () => ({})],
  ["tools/list", listTools],
  ["tools/call", sealOutput],
  ["resources/list", () => ({ resources: [] })],
  ["resources/templates/list", () => ({ resourceTemplates: [] })],
  ["resources/read", sealResource],
  ["resources/subscribe", () => ({})],
  ["resources/unsubscribe", () => ({})],
  ["prompts/list", () => ({ prompts: [] })],
  ["prompts/get", sealPrompt],
  ["completion/complete", () => ({ completion: { values: [] } })],
]);

/** Answers to these have what a tool returned, or could have, as far as servers know the methods. */
const OF_TOOLS = /^\s*(?:tasks|tools)\//i;

/** The methods that have rules tool by tool. */
function isToolMethod(method: string): boolean {
  return method === "tools/list" || method === "tools/call";
}

/** Tells whether what belongs to a method may be seen because no rule is about it. */
export function isUnruled(method: string, { policy, server }: ServerContext): boolean {
  if (policy.unlisted !== "pass") return false;
  return isToolMethod(method) || !OF_TOOLS.test(method) || !policy.touches(server);
}

/**
 * Returns what a client may know of a result.
 *
 * @returns `undefined` where nothing may be known.
 */
export async function rewriteAnswer(
  result: JsonObject,
  request: OpenRequest,
  context: ServerContext,
): Promise<JsonObject | undefined> {
  const { method } = request.message;
  if (!isToolMethod(method) && isUnruled(method, context)) {
    return isIntroduction(method) && context.policy.resourceLinks
      ? declareResources(result)
      : result;
  }
  const kept = await ANSWERS.get(method)?.(result, request, context);
  return kept === undefined || kept === result ? kept : { ...kept, ...framing(result) };
}

/** What results of revision 2026-07-28 have to say: that they are complete, and may not be cached. */
function framing({ resultType, ttlMs }: JsonObject): JsonObject {
  return {
    ...(resultType === undefined ? {} : { resultType: "complete" }),
    ...(ttlMs === undefined ? {} : { ttlMs: 0, cacheScope: "private" }),
  };
}

function isIntroduction(method: string): boolean {
  return ANSWERS.get(method) === describeServer;
}

function describeServer(
  result: JsonObject,
  { message }: OpenRequest,
  context: ServerContext,
): JsonObject {
  const { texts, resourceLinks } = context.policy;
  const asked = revisionAskedFor(message);
  const known = introduction(result, { server: context.server, texts, asked });
  return resourceLinks ? declareResources(known) : known;
}

async function listTools(
  result: JsonObject,
  request: OpenRequest,
  context: ServerContext,
): Promise<JsonObject> {
  const { policy, server } = context;
  const list = rewriteTools(result["tools"], policy, server);
  const { tools } = list;
  context.onTools(list);
  if (policy.unlisted === "pass") return { ...result, tools };
  const { nextCursor } = result;
  if (typeof nextCursor !== "string") return { tools };
  const subject = await request.subject();
  return { tools, nextCursor: await sealCursor(nextCursor, { ...context, subject }) };
}

async function sealOutput(
  result: JsonObject,
  request: OpenRequest,
  context: ServerContext,
): Promise<JsonObject | undefined> {
  const { call } = request;
  if (call === undefined) return undefined;
  if (call.rules.handling === "pass") return result;
  if (isUnfinished(result)) return toolError(INPUT_WITHHELD);
  const { tool, echoes } = call;
  const { revision } = request;
  const scope = { ...context, tool, echoes, revision, subject: await request.subject() };
  return sealToolOutput(result, scope);
}

/** The server wants more input, or will answer later: both say things that no rule is for. */
function isUnfinished({ resultType, task }: JsonObject): boolean {
  return task !== undefined || (resultType !== undefined && resultType !== "complete");
}

async function sealResource(
  result: JsonObject,
  request: OpenRequest,
  context: ServerContext,
): Promise<JsonObject | undefined> {
  const text = await sealWhole(result["contents"], request, context);
  if (text === undefined) return undefined;
  // The client's own words: what it asked for.
  const uri = request.message.params?.["uri"];
  return { contents: [{ uri, mimeType: "application/json", text }] };
}

async function sealPrompt(
  result: JsonObject,
  request: OpenRequest,
  context: ServerContext,
): Promise<JsonObject | undefined> {
  const text = await sealWhole(result["messages"], request, context);
  if (text === undefined) return undefined;
  return { messages: [{ role: "user", content: { type: "text", text } }] };
}

async function sealWhole(
  value: unknown,
  request: OpenRequest,
  context: ServerContext,
): Promise<string | undefined> {
  if (value === undefined) return undefined;
  const terms = context.policy.unlistedTerms;
  const scope = { ...context, subject: await request.subject() };
  const [sealed] = await sealPlaces([{ at: [], terms, value }], scope);
  return sealed === undefined ? undefined : JSON.stringify(sealed.form);
}
