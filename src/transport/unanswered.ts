import { OutcomeUnknownError, ServiceUnavailableError } from "../vault/errors.js";
import type { OperationName } from "./messages.js";

/** Operations that change nothing: they may be asked again, whatever became of them. */
const READS: ReadonlySet<OperationName> = new Set(["get_safe_view", "describe", "health"]);

/** Tells whether an operation changes nothing; opening a handle may count as a use of it. */
export function isRead(operation: OperationName): boolean {
  return READS.has(operation);
}

/** Returns the error of a call that was sent and has no answer, or none that can be read. */
export function unanswered(operation: OperationName, cause: unknown): Error {
  return isRead(operation)
    ? new ServiceUnavailableError({ cause })
    : new OutcomeUnknownError({ cause });
}
