/** Rewrites a server's results for the client, by method. */
import type { MaybePromise } from "../../vault/contracts.js";
import type { Vault } from "../../vault/vault.js";
import type { AgentPolicy } from "../policy/policy.js";
import { INPUT_WITHHELD } from "../protocol/fixed-texts.js";
import type { JsonObject } from "../protocol/messages.js";
import { revisionAskedFor } from "../protocol/revisions.js";
import { declareResources } from "../values/handle-links.js";
import type { HandleReuse } from "../values/handle-reuse.js";
import { sealPlaces } from "../values/seal-places.js";
import { sealToolOutput } from "../values/seal-tool-output.js";
import { toolError } from "../values/tool-result.js";
import type { OpenRequest } from "./client-requests.js";
import { sealCursor } from "./cursors.js";
import { introduction } from "./server-info.js";
import { rewriteTools, type ToolList } from "./tool-list.js";

/** A wrapped server, with its vault, policy and callbacks. */
export interface ServerContext {
  readonly vault: Vault;
  readonly policy: AgentPolicy;
  /**
   * The server's name, taken from the policy or from code. A name that the server reports is not
   * trusted.
   */
  readonly server: string;
  readonly reuse?: HandleReuse | undefined;
  /** Receives every list of tools that the server sends. */
  readonly onTools: (list: ToolList) => void;
  /** Receives the reason when a result is withheld. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** Returns the part of a result that the client may see, or `undefined` to withhold all of it. */
type ResultRewrite = (
  result: JsonObject,
  request: OpenRequest,
  context: ServerContext,
) => MaybePromise<JsonObject | undefined>;

/** The rewrite for each known method. Results of all other methods are withheld. */
const ANSWERS: ReadonlyMap<string, ResultRewrite> = new Map<string, ResultRewrite>([
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

/** Methods whose results contain, or may contain, the output of a tool. */
const OF_TOOLS = /^\s*(?:tasks|tools)\//i;

/** Returns whether a policy has rules for each tool of a method. */
function isToolMethod(method: string): boolean {
  return method === "tools/list" || method === "tools/call";
}

/**
 * Returns whether messages of a method pass unchanged, because the policy passes unlisted items and
 * no rule applies to the method.
 */
export function isUnruled(method: string, { policy, server }: ServerContext): boolean {
  if (policy.unlisted !== "pass") return false;
  return isToolMethod(method) || !OF_TOOLS.test(method) || !policy.touches(server);
}

/**
 * Returns the part of a result that the client may see.
 *
 * @returns `undefined` if all of the result is withheld.
 */
export async function rewriteResult(
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

/**
 * Returns the members that revision 2026-07-28 requires in a result: it is complete, and it must
 * not be cached. A member is added only if the server's result has it.
 */
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

/**
 * Returns whether a result asks for more input or announces a later answer. Such a result contains
 * texts for which there is no rule.
 */
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
  // The URI comes from the client's request, so it cannot reveal anything.
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
