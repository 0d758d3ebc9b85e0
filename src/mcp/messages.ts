/**
 * The messages of the Model Context Protocol, as far as the filter looks into them.
 *
 * Source: JSON-RPC 2.0, and the schemas of MCP 2024-11-05 to 2026-07-28.
 */

/** An object of JSON data. */
export interface JsonObject {
  readonly [member: string]: unknown;
}

/** What ties an answer to its request; each side of a connection counts its own. */
export type RequestId = string | number;

/** A request: it wants an answer. */
export interface RequestMessage {
  readonly jsonrpc: "2.0";
  readonly id: RequestId;
  readonly method: string;
  readonly params?: JsonObject;
}

/** A notification: nobody answers it. */
export interface NotificationMessage {
  readonly jsonrpc: "2.0";
  readonly method: string;
  readonly params?: JsonObject;
}

/** The answer to a request that succeeded. */
export interface ResultMessage {
  readonly jsonrpc: "2.0";
  readonly id: RequestId;
  readonly result: JsonObject;
}

/** What went wrong with a request. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** The answer to a request that failed; without an id where the request could not be read. */
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

/** Tells what a message is; `undefined` for what is none, or more than one. */
export function readMessage(value: unknown): ReadMessage | undefined {
  if (!isObject(value) || value["jsonrpc"] !== "2.0") return undefined;
  const isAnswer = Object.hasOwn(value, "result") || Object.hasOwn(value, "error");
  if (Object.hasOwn(value, "method")) return isAnswer ? undefined : readCall(value);
  return readAnswer(value);
}

function readCall(value: JsonObject): ReadMessage | undefined {
  const { method, id, params = {} } = value;
  if (typeof method !== "string" || !isObject(params)) return undefined;
  const message = value as unknown as RequestMessage;
  if (!Object.hasOwn(value, "id")) return { kind: "notification", message };
  return isRequestId(id) ? { kind: "request", message } : undefined;
}

/** Some servers write the member that an answer does not have as `null`. */
function readAnswer(value: JsonObject): ReadMessage | undefined {
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

/** Tells whether a value is meant to answer a request, well-formed or not. */
export function isAnswerLike(value: unknown): value is JsonObject {
  return isObject(value) && (Object.hasOwn(value, "result") || Object.hasOwn(value, "error"));
}

export function isRequestId(value: unknown): value is RequestId {
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

/** Tells whether a value is an object and no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Returns a member that is an object; an empty one when it is anything else. */
export function objectAt(value: unknown, member: string): JsonObject {
  const found = isObject(value) ? value[member] : undefined;
  return isObject(found) ? found : {};
}

/** Returns the answer to a request. */
export function answer(id: RequestId, result: JsonObject): ResultMessage {
  return { jsonrpc: "2.0", id, result };
}

/** Returns the refusal of a request, in words of our own. */
export function refusal(id: RequestId, code: number, message: string): ErrorMessage {
  return { jsonrpc: "2.0", id, error: { code, message } };
}
