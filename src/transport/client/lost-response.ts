/** The errors that a client throws when no response shows the outcome of an operation. */
import { OutcomeUnknownError, ServiceUnavailableError } from "../../vault/errors.js";
import { fromWireError, type ReceivedError } from "../service/error-table.js";
import { OPERATIONS, type OperationName } from "../service/operations.js";

/** A request of a client: an operation, or an authentication. */
export type Asked = OperationName | "authenticate";

/** The identifying marks of a response, apart from its content. */
export interface ResponseMarks {
  /** The HTTP status. */
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
}

/** A response arrived that is not from the vault's service, or does not show whether anything was done. */
class UnclearResponseError extends Error {
  override readonly name = "UnclearResponseError" as const;
  /** The HTTP status of the response, on wires over HTTP. */
  readonly status: number | undefined;
  constructor(status: number | undefined) {
    const called = status === undefined ? "" : ` (HTTP status ${status})`;
    super(`A response${called} does not say what the vault's service did.`);
    this.status = status;
  }
}

/** Returns whether an operation changes nothing and may be sent again. */
export function isRead(operation: Asked): boolean {
  return operation === "authenticate" || OPERATIONS[operation].effect === "reads";
}

/** Returns the error for a call that was sent and got no response, or an unreadable one. */
export function unanswered(operation: Asked, cause: unknown): Error {
  return isRead(operation)
    ? new ServiceUnavailableError({ cause })
    : new OutcomeUnknownError({ cause });
}

/** Returns the error for a call that was aborted: a change that was sent may have taken effect. */
export function aborted(operation: Asked, wasSent: boolean, reason: unknown): unknown {
  return wasSent && !isRead(operation) ? new OutcomeUnknownError({ cause: reason }) : reason;
}

/** Returns the error for a call whose response shows no valid outcome. */
export function unclear(operation: Asked, marks: ResponseMarks): Error {
  return marked(unanswered(operation, new UnclearResponseError(marks.status)), marks);
}

/**
 * Returns the error that a response names. A response that does not show whether anything was done is
 * unclear.
 */
export function refusalOf(operation: Asked, received: ReceivedError, marks: ResponseMarks): Error {
  const error = fromWireError(received);
  return error === undefined ? unclear(operation, marks) : marked(error, marks);
}

/** Adds a response's marks to the error created from it. */
export function marked<Marked extends Error>(
  error: Marked,
  { status, requestId }: ResponseMarks,
): Marked {
  return Object.assign(
    error,
    status === undefined ? {} : { status },
    requestId === undefined ? {} : { requestId },
  );
}
