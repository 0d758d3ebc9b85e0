import { isBytes } from "../../primitives/bytes.js";
import { type Asked, refusalOf, unanswered, unclear } from "../client/lost-response.js";
import { fromBareResult, ORIGINAL_RPC_CODES } from "../compat/original.js";
import { takeJsonData } from "../json/payload-data.js";
import { isWireErrorCode, RPC_REFUSALS } from "../service/error-table.js";
import type { OperationName } from "../service/operations.js";
import { requestIdOf } from "../service/request-id.js";

/** The answer to one call, as it came. */
export interface RpcAnswer {
  /** Absent where the original's servers answer. */
  readonly jsonrpc: unknown;
  readonly result: unknown;
  readonly error: unknown;
}

/**
 * Returns the result of an answer as the operation has it. The original leaves `jsonrpc` out, and
 * answers some operations with the bare value instead of an object that has it.
 *
 * @throws OutcomeUnknownError `ServiceUnavailableError` It is no result: what was asked for
 *   may have happened, or only reads.
 */
export function takeJsonAnswer(operation: OperationName, answer: RpcAnswer): object {
  const { jsonrpc, result } = answerOf(operation, answer);
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

/** Returns an answer that is no error. @throws The error that it is. */
export function answerOf(operation: Asked, answer: RpcAnswer): RpcAnswer {
  const { jsonrpc, result, error } = answer;
  if (jsonrpc !== undefined && jsonrpc !== "2.0") throw unclear(operation, {});
  if (error !== undefined && error !== null) throw errorOf(operation, answer);
  if (result === undefined) throw unclear(operation, {});
  return answer;
}

type Members = Readonly<Record<string, unknown>>;

/** The error of an answer: ours names its code, JSON-RPC itself and the original have only numbers. */
function errorOf(operation: Asked, { jsonrpc, error }: RpcAnswer): Error {
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

/** Tells whether a value nests deeper than `levels`; it looks no deeper than that. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null || isBytes(value)) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member: unknown) => isDeeperThan(levels - 1, member));
}
