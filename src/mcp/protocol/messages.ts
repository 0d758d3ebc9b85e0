/**
 * The messages of the Model Context Protocol, as far as the filter looks into them.
 *
 * Source: JSON-RPC 2.0, and the schemas of MCP 2024-11-05 to 2026-07-28.
 */

/** An object of JSON data. */
export interface JsonObject {
  readonly [member: string]: unknown;
}

/** Matches a response to its request. Each side of a connection numbers its own requests. */
export type RequestId = string | number;

/** A request, which needs a response. */
export interface RequestMessage {
  readonly jsonrpc: "2.0";
  readonly id: RequestId;
  readonly method: string;
  readonly params?: JsonObject;
}

/** A notification, which has no response. */
export interface NotificationMessage {
  readonly jsonrpc: "2.0";
  readonly method: string;
  readonly params?: JsonObject;
}

/** The response to a request that succeeded. */
export interface ResultMessage {
  readonly jsonrpc: "2.0";
  readonly id: RequestId;
  readonly result: JsonObject;
}

/** The error of a request. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** The response to a request that failed. It has no id if the request could not be read. */
export interface ErrorMessage {
  readonly jsonrpc: "2.0";
  readonly id?: RequestId | null;
  readonly error: RpcError;
}

export type Message = RequestMessage | NotificationMessage | ResultMessage | ErrorMessage;

/** A message with the name of its kind. */
export type ReadMessage =
  | { readonly kind: "request"; readonly message: RequestMessage }
  | { readonly kind: "notification"; readonly message: NotificationMessage }
  | { readonly kind: "result"; readonly message: ResultMessage }
  | { readonly kind: "error"; readonly message: ErrorMessage };

/** Returns a message with its kind, or `undefined` if it is malformed or matches several kinds. */
export function readMessage(value: unknown): ReadMessage | undefined {
  if (!isObject(value) || value["jsonrpc"] !== "2.0") return undefined;
  const isResponse = Object.hasOwn(value, "result") || Object.hasOwn(value, "error");
  if (Object.hasOwn(value, "method")) return isResponse ? undefined : readCall(value);
  return readResponse(value);
}

function readCall(value: JsonObject): ReadMessage | undefined {
  const { method, id, params = {} } = value;
  if (typeof method !== "string" || !isObject(params)) return undefined;
  const message = value as unknown as RequestMessage;
  if (!Object.hasOwn(value, "id")) return { kind: "notification", message };
  return isRequestId(id) ? { kind: "request", message } : undefined;
}

/** Reads a response. Some servers set the absent one of `result` and `error` to `null`. */
function readResponse(value: JsonObject): ReadMessage | undefined {
  const { id, result, error } = value;
  if (isObject(result) && isRequestId(id) && (error === undefined || error === null)) {
    return { kind: "result", message: { jsonrpc: "2.0", id, result } };
  }
  const isError =
    isObject(error) &&
    typeof error["code"] === "number" &&
    (result === undefined || result === null);
  if (!isError || !(isRequestId(id) || id === null || id === undefined)) return undefined;
  return { kind: "error", message: value as unknown as ErrorMessage };
}

/** Returns whether a value looks like a response, even if it is malformed. */
export function isResponseLike(value: unknown): value is JsonObject {
  return isObject(value) && (Object.hasOwn(value, "result") || Object.hasOwn(value, "error"));
}

export function isRequestId(value: unknown): value is RequestId {
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

/** Returns whether a value is an object and not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns a member that is an object, or an empty object if the member is anything else. */
export function objectAt(value: unknown, member: string): JsonObject {
  const found = isObject(value) ? value[member] : undefined;
  return isObject(found) ? found : {};
}

/** Returns a response with a result. */
export function resultResponse(id: RequestId, result: JsonObject): ResultMessage {
  return { jsonrpc: "2.0", id, result };
}

/** Returns a response with an error that this library words. */
export function refusal(id: RequestId, code: number, message: string): ErrorMessage {
  return { jsonrpc: "2.0", id, error: { code, message } };
}
