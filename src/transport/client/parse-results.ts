/** Reads the results of operations at the client. */
import { schemas, schemasOf } from "../service/loaded-schemas.js";
import type { WireOutcome } from "../service/messages.js";
import type { OperationName, ResultOf } from "../service/operations.js";
import { unanswered } from "./lost-response.js";

/**
 * Returns the value that `value` makes of a response to an operation. Members that the operation's schema
 * does not have are left out.
 *
 * @throws OutcomeUnknownError `ServiceUnavailableError` It is not what the operation gives: the operation
 *   may have been performed, or only reads.
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

/** Returns the outcomes of `count` items, whose values have not been checked yet. */
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
