/** Reads the results of operations in the client. */
import { schemas, schemasOf } from "../service/loaded-schemas.js";
import type { WireOutcome } from "../service/messages.js";
import type { OperationName, ResultOf } from "../service/operations.js";
import { unanswered } from "./lost-response.js";

/**
 * Returns the result of `value` for a response to an operation. Members that are not in the operation's
 * schema
 * are dropped.
 *
 * @throws OutcomeUnknownError `ServiceUnavailableError` The response is not a result of the operation. The
 * operation may have been performed; the second error is for operations that only read.
 */
export function readResult<Name extends OperationName, Value>(
  operation: Name,
  response: unknown,
  value: (result: ResultOf<Name>) => Value,
): Value {
  const read = schemasOf(operation).result.safeParse(response);
  if (!read.success) throw unreadable(operation);
  try {
    return value(read.data);
  } catch {
    throw unreadable(operation);
  }
}

/** Returns the outcomes of `count` items, whose values are not checked yet. */
export function readOutcomes(
  operation: "seal_many" | "unseal_many",
  response: unknown,
  count: number,
): readonly WireOutcome<unknown>[] {
  const read = schemas.get().uncheckedOutcomes.safeParse(response);
  if (!read.success || read.data.outcomes.length !== count) throw unreadable(operation);
  return read.data.outcomes;
}

/** The parser's own findings could quote the response. */
function unreadable(operation: OperationName): Error {
  return unanswered(
    operation,
    new TypeError("The service's answer is not what the operation gives."),
  );
}
