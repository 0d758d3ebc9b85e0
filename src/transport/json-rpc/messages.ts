/**
 * Reads and writes JSON-RPC 2.0 messages as specified (jsonrpc.org/specification), except that a request may
 * leave out `jsonrpc`, as the original's clients do. The response then leaves it out too.
 *
 * @module
 */
import { isErrorOf } from "../../primitives/kinds.js";
import { isVaultError, RequestTooLargeError } from "../../vault/errors.js";
import { readJsonParams, writeJson } from "../json/payload-data.js";
import { strictUtf8 } from "../json/strict-utf8.js";
import { isLarge, othersTurn } from "../limits/large.js";
import { InternalError } from "../service/error-reports.js";
import {
  type ErrorDetails,
  toWireError,
  type WireError,
  type WireErrorCode,
} from "../service/error-table.js";
import { MAX_BATCH, MAX_BATCH_ANSWERS } from "../service/messages.js";
import { newRequestId } from "../service/request-id.js";

/** The id that matches a response to its request. */
export type RequestId = string | number | null;

/** A well-formed request. Without an id it is a notification and gets no response. */
export interface RpcRequest {
  readonly method: string;
  readonly params: object | undefined;
  readonly id: RequestId | undefined;
  /** The request's own member for a credential. */
  readonly authorization: string | undefined;
  /** Whether the request leaves `jsonrpc` out, so that its response has the original's form. */
  readonly isBare: boolean;
}

/** An error that JSON-RPC itself defines. */
export class RpcFault extends Error {
  override readonly name = "RpcFault" as const;
  readonly rpcCode: number;
  /** The library's own code, where it is more specific. */
  readonly code: WireErrorCode | undefined;
  readonly details: ErrorDetails | undefined;
  constructor(rpcCode: number, message: string, more?: Pick<WireError, "code" | "details">) {
    super(message);
    this.rpcCode = rpcCode;
    this.code = more?.code;
    this.details = more?.details;
  }
}

/** Returns the fault for a text that is not JSON. */
const parseError = (): RpcFault => new RpcFault(-32700, "Parse error");
/** Returns the fault for JSON that is not a request. */
export const invalidRequest = (more?: Pick<WireError, "code" | "details">): RpcFault =>
  new RpcFault(-32600, "Invalid Request", more);
/** Returns the fault for a method that does not exist. */
export const methodNotFound = (): RpcFault => new RpcFault(-32601, "Method not found");

/** Performs a request and returns its result. */
export type Perform = (request: RpcRequest) => Promise<unknown>;

/** Called with each response. */
type Produced = (response: string) => void;

/**
 * Returns the JSON value of a frame.
 *
 * @throws {@link RpcFault} -32700: the bytes are not UTF-8 or not JSON; -32600: the value is nested
 * too deeply or contains a number that reading would change.
 */
export function readFrame(bytes: Uint8Array): unknown {
  try {
    return readJsonParams(strictUtf8(bytes) ?? "");
  } catch (error) {
    if (isVaultError(error)) throw error;
    if (isErrorOf(error, "RangeError")) throw invalidRequest(toWireError(error));
    throw parseError();
  }
}

/** The number of items of one batch that are performed at the same time. */
const BATCH_CONCURRENCY = 4;

/** Returns the number of requests in a frame's value, which is 1 if it is not a batch. */
export function requestsIn(message: unknown): number {
  return Array.isArray(message) ? Math.min(message.length, MAX_BATCH) : 1;
}

/**
 * Returns the text of the response to a frame's value, or `undefined` if nothing in it needs a response.
 *
 * @param produced - Called with each response of a batch. All are kept until the last one is complete.
 */
export async function respondToMessage(
  message: unknown,
  perform: Perform,
  produced: Produced = () => undefined,
): Promise<string | undefined> {
  if (!Array.isArray(message)) return await respondToItem(message, perform);
  if (message.length === 0 || message.length > MAX_BATCH)
    return errorResponse(invalidRequest(), null);
  const given = await respondToBatch(message, perform, produced);
  return given.length === 0 ? undefined : `[${given.join(",")}]`;
}

/** Performs few items at a time, because the size of their responses must be known before more begin. */
async function respondToBatch(
  items: readonly unknown[],
  perform: Perform,
  produced: Produced,
): Promise<string[]> {
  const responses: (string | undefined)[] = [];
  const waiting = items.entries();
  let left = MAX_BATCH_ANSWERS;
  let sinceTurn = 0;
  const work = async (): Promise<void> => {
    for (const [position, item] of waiting) {
      const response = await respondToItem(item, async (request) => {
        // A notification needs none of the budget, because it has no response.
        if (left <= 0 && request.id !== undefined) throw new RequestTooLargeError();
        return perform(request);
      });
      if (response === undefined) continue;
      responses[position] = response;
      left -= response.length;
      produced(response);
      sinceTurn += response.length;
      if (!isLarge({ length: sinceTurn })) continue;
      sinceTurn = 0;
      await othersTurn();
    }
  };
  await Promise.all(Array.from({ length: BATCH_CONCURRENCY }, work));
  return responses.filter((response) => response !== undefined);
}

async function respondToItem(item: unknown, perform: Perform): Promise<string | undefined> {
  const request = readRequest(item);
  if (request === undefined) return errorResponse(invalidRequest(), idOf(item) ?? null);
  try {
    const result = await perform(request);
    if (request.id === undefined) return undefined;
    const version = request.isBare ? "" : '"jsonrpc":"2.0",';
    return `{${version}"result":${writeJson(result)},"id":${JSON.stringify(request.id)}}`;
  } catch (error) {
    if (request.id === undefined) return undefined;
    return request.isBare ? bareErrorResponse(error, request.id) : errorResponse(error, request.id);
  }
}

/** Returns a request, or `undefined` if it is not one. */
function readRequest(item: unknown): RpcRequest | undefined {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return undefined;
  const { jsonrpc = "2.0", method, params, authorization } = ownMembers(item);
  if (jsonrpc !== "2.0" || typeof method !== "string") return undefined;
  if (params !== undefined && (typeof params !== "object" || params === null)) return undefined;
  if (authorization !== undefined && typeof authorization !== "string") return undefined;
  const id = idOf(item);
  if (id === undefined && Object.hasOwn(item, "id")) return undefined;
  return { method, params, id, authorization, isBare: !Object.hasOwn(item, "jsonrpc") };
}

/** Returns the members of a request, only its own ones: a polluted prototype must not add any. */
function ownMembers(item: object): Record<string, unknown> {
  return Object.assign(Object.create(null) as Record<string, unknown>, item);
}

function idOf(item: unknown): RequestId | undefined {
  if (typeof item !== "object" || item === null || !Object.hasOwn(item, "id")) return undefined;
  const { id } = item as { id?: unknown };
  return typeof id === "string" || typeof id === "number" || id === null ? id : undefined;
}

/** Returns the response for an error, without any part of the error's own message. */
export function errorResponse(error: unknown, id: RequestId): string {
  return JSON.stringify({ jsonrpc: "2.0", error: errorObject(error), id });
}

/** The original's errors have only a number and a text. */
function bareErrorResponse(error: unknown, id: RequestId): string {
  const { code, message } = errorObject(error);
  return JSON.stringify({ error: { code, message }, id });
}

interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data: object | undefined;
}

function errorObject(error: unknown): ErrorObject {
  if (error instanceof RpcFault) {
    const { code, details } = error;
    const data = code === undefined ? undefined : { code, details, request_id: newRequestId() };
    return { code: error.rpcCode, message: error.message, data };
  }
  const { code, message, details, rpcCode, retryAfterSeconds } = toWireError(error);
  const requestId = error instanceof InternalError ? error.requestId : newRequestId();
  const data = { code, details, request_id: requestId, retry_after_seconds: retryAfterSeconds };
  return { code: rpcCode, message, data };
}
