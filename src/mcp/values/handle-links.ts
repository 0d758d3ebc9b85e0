/**
 * Handles as MCP resources: a result links to a handle, and reading the link returns its safe view.
 */
import { isVaultError } from "../../vault/errors.js";
import { isHandleId } from "../../vault/handle.js";
import { serverPrincipal } from "../policy/principals.js";
import {
  type JsonObject,
  type Message,
  objectAt,
  type RequestMessage,
  refusal,
  resultResponse,
} from "../protocol/messages.js";
import { isModern } from "../protocol/revisions.js";
import { INTERNAL_ERROR, INVALID_PARAMS, isVersion } from "../protocol/rpc-errors.js";
import type { HandleForm } from "./handle-form.js";
import type { SealingScope } from "./tool-scope.js";

const SCHEME = "handle://";
const MIME_TYPE = "text/plain";
/**
 * The first protocol revision with links. Clients of older revisions reject a result that contains
 * one.
 */
const FIRST_REVISION_WITH_LINKS = "2025-06-18";

/** Returns whether a revision allows links in results; `false` if the revision is unknown. */
export function takesLinks(revision: unknown): boolean {
  return isVersion(revision) && revision >= FIRST_REVISION_WITH_LINKS;
}

/** Returns a link to a handle. It contains the same data as the handle's form. */
export function linkTo({ handle_id, safe_view }: HandleForm): JsonObject {
  return {
    type: "resource_link",
    uri: `${SCHEME}${handle_id}`,
    name: handle_id,
    description: safe_view,
    mimeType: MIME_TYPE,
    annotations: { audience: ["assistant"] },
  };
}

/** Returns the id of the handle that a request reads, or `undefined` for any other request. */
export function handleReadBy({ method, params }: RequestMessage): string | undefined {
  const uri = params?.["uri"];
  if (method !== "resources/read" || typeof uri !== "string") return undefined;
  const id = uri.startsWith(SCHEME) ? uri.slice(SCHEME.length) : undefined;
  return isHandleId(id) ? id : undefined;
}

/**
 * Returns the response to a request that reads a handle: its safe view, if this server sealed the
 * handle for this subject. Otherwise the response is that there is no such resource.
 */
export async function readHandle(
  message: RequestMessage,
  { vault, server, subject }: SealingScope,
): Promise<Message> {
  const { id, params } = message;
  try {
    const owner = serverPrincipal(server, subject);
    const handle = await vault.describe(String(handleReadBy(message)), owner);
    // A grantee may also describe the handle. Only the server that sealed a handle is its owner, so
    // the owner is compared.
    if (handle.ownerPrincipal !== owner) return notFound(message);
    return resultResponse(id, {
      ...(isModern(message) ? { resultType: "complete" } : {}),
      contents: [{ uri: params?.["uri"], mimeType: MIME_TYPE, text: handle.safeView }],
      ttlMs: 0,
      cacheScope: "private",
    });
  } catch (error) {
    const isOfHandle = isVaultError(error) && error.code.startsWith("ERR_VAULT_HANDLE_");
    return isOfHandle ? notFound(message) : refusal(id, INTERNAL_ERROR, "The vault is unavailable");
  }
}

function notFound({ id }: RequestMessage): Message {
  return refusal(id, INVALID_PARAMS, "Resource not found");
}

/** Returns a server's introduction with `resources` added to its capabilities. */
export function declareResources(introduction: JsonObject): JsonObject {
  const capabilities = objectAt(introduction, "capabilities");
  const resources = objectAt(capabilities, "resources");
  return { ...introduction, capabilities: { ...capabilities, resources } };
}

const LISTS: ReadonlyMap<string, string> = new Map([
  ["resources/list", "resources"],
  ["resources/templates/list", "resourceTemplates"],
]);

/** Returns an empty list for a server that has no resources of its own. Handles are not listed. */
export function emptyList(message: RequestMessage): JsonObject | undefined {
  const member = LISTS.get(message.method);
  if (member === undefined) return undefined;
  const framing = { resultType: "complete", ttlMs: 0, cacheScope: "private" };
  return { [member]: [], ...(isModern(message) ? framing : {}) };
}
