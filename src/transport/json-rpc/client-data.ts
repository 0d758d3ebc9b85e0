import { isBytes } from "../../primitives/bytes.js";
import { type Asked, refusalOf, unanswered, unclear } from "../client/lost-response.js";
import { fromBareResult, ORIGINAL_RPC_CODES } from "../compat/original.js";
import { takeJsonData } from "../json/payload-data.js";
import { isWireErrorCode, RPC_REFUSALS } from "../service/error-table.js";
import type { OperationName } from "../service/operations.js";
import { requestIdOf } from "../service/request-id.js";

/** The response to one call, as received. */
export interface RpcResponse {
  /** Absent in responses of the original's servers. */
  readonly jsonrpc: unknown;
  readonly result: unknown;
  readonly error: unknown;
}

/**
 * Returns the result in a response in the operation's form. The original leaves `jsonrpc` out, and
 * responds to some operations with the bare value instead of an object that contains it.
 *
 * @throws OutcomeUnknownError `ServiceUnavailableError` The response contains no valid result. The operation
 * may have taken effect; the second error is for operations that only read.
 */
export function takeJsonResponse(operation: OperationName, response: RpcResponse): object {
  const { jsonrpc, result } = responseOf(operation, response);
  let taken: unknown;
  try {
    taken =
      jsonrpc === undefined ? fromBareResult(operation, result) : takeJsonData(operation, result);
  } catch (cause) {
    throw unanswered(operation, cause);
  }
  if (typeof taken !== "object" || taken === null) throw unclear(operation, {});
  return taken;
}

/** Returns a response that is not an error. @throws The error in the response. */
export function responseOf(operation: Asked, response: RpcResponse): RpcResponse {
  const { jsonrpc, result, error } = response;
  if (jsonrpc !== undefined && jsonrpc !== "2.0") throw unclear(operation, {});
  if (error !== undefined && error !== null) throw errorOf(operation, response);
  if (result === undefined) throw unclear(operation, {});
  return response;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * Returns the error in a response. Ours have a named code; those of JSON-RPC and of the original only a
 * number.
 */
function errorOf(operation: Asked, { jsonrpc, error }: RpcResponse): Error {
  const { code: number, data } = Object(error) as Members;
  const { code, details, request_id: id, retry_after_seconds: seconds } = Object(data) as Members;
  if (jsonrpc !== undefined && isWireErrorCode(code)) {
    const retryAfterSeconds = typeof seconds === "number" ? seconds : undefined;
    const marks = { requestId: requestIdOf(id) };
    return refusalOf(operation, { code, details, retryAfterSeconds }, marks);
  }
  const known = jsonrpc === undefined ? ORIGINAL_RPC_CODES : RPC_REFUSALS;
  const rpcCode = typeof number === "number" && known.has(number) ? number : undefined;
  return refusalOf(operation, { rpcCode }, {});
}

/** Returns whether a value nests deeper than `levels`. Does not look deeper than that. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null || isBytes(value)) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member: unknown) => isDeeperThan(levels - 1, member));
}
