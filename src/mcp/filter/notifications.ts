/** Rewrites a server's notifications that could carry data. */
import { NOTICE_WITHHELD } from "../protocol/fixed-texts.js";
import type { JsonObject, NotificationMessage } from "../protocol/messages.js";
import { isObject, objectAt } from "../protocol/messages.js";
import { type OpenRequest, progressTokenOf } from "./client-requests.js";

/** Returns the parameters that the client may see, or `undefined` to drop the notification. */
type NoticeRewrite = (
  params: JsonObject,
  request: OpenRequest | undefined,
) => JsonObject | undefined;

const nothing: NoticeRewrite = () => ({});

/**
 * The rewrite for each known notification, which removes all text of the server. Others are
 * dropped.
 */
const NOTICES: ReadonlyMap<string, NoticeRewrite> = new Map([
  ["notifications/progress", progress],
  ["notifications/message", logEntry],
  ["notifications/tools/list_changed", nothing],
  ["notifications/prompts/list_changed", nothing],
  ["notifications/resources/list_changed", nothing],
  ["notifications/subscriptions/acknowledged", acknowledgement],
]);

/**
 * Returns a notification without any content from the server.
 *
 * @param request - The request that the notification belongs to, if known.
 */
export function fixedNotice(
  { method, params = {} }: NotificationMessage,
  request: OpenRequest | undefined,
): NotificationMessage | undefined {
  const kept = NOTICES.get(method)?.(params, request);
  if (kept === undefined) return undefined;
  const hasParams = Object.keys(kept).length > 0;
  return { jsonrpc: "2.0", method, ...(hasParams ? { params: kept } : {}) };
}

/**
 * Returns a progress notification with a counter in place of the server's numbers, which could be
 * data. It has no total.
 */
function progress(_: JsonObject, request: OpenRequest | undefined): JsonObject | undefined {
  const progressToken = request === undefined ? undefined : progressTokenOf(request.message);
  if (request === undefined || progressToken === undefined) return undefined;
  request.progress += 1;
  return { progressToken, progress: request.progress };
}

const LEVELS: ReadonlySet<unknown> = new Set([
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
]);

function logEntry({ level }: JsonObject): JsonObject {
  return { level: LEVELS.has(level) ? level : "info", data: NOTICE_WITHHELD };
}

const CHANGES = ["toolsListChanged", "promptsListChanged", "resourcesListChanged"] as const;

function acknowledgement(params: JsonObject): JsonObject {
  const given = objectAt(params, "notifications");
  const kept = CHANGES.filter((change) => typeof given[change] === "boolean");
  return { notifications: Object.fromEntries(kept.map((change) => [change, given[change]])) };
}

/** Returns the id of the request that a notification names by its progress token. */
export function requestNamedBy({ params }: NotificationMessage): unknown {
  return isObject(params) ? params["progressToken"] : undefined;
}
