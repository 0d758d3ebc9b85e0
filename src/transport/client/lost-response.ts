/** What a client throws where no answer says what became of an operation. */
import { OutcomeUnknownError, ServiceUnavailableError } from "../../vault/errors.js";
import { fromWireError, type ReceivedError } from "../service/error-table.js";
import { OPERATIONS, type OperationName } from "../service/operations.js";

/** What a client asks a service for: an operation, or to know who is calling. */
export type Asked = OperationName | "authenticate";

/** What an answer over a wire shows besides what it says. */
export interface AnswerMarks {
  /** The HTTP status. */
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
}

/** An answer came that is not one of the vault's service, or does not say what was done. */
class UnclearAnswerError extends Error {
  override readonly name = "UnclearAnswerError" as const;
  /** The HTTP status of the answer, on the wires that have one. */
  readonly status: number | undefined;
  constructor(status: number | undefined) {
    const called = status === undefined ? "" : ` (HTTP status ${status})`;
    super(`An answer${called} does not say what the vault's service did.`);
    this.status = status;
  }
}

/** Returns whether an operation changes nothing and may be asked for again. */
export function isRead(operation: Asked): boolean {
  return operation === "authenticate" || OPERATIONS[operation].effect === "reads";
}

/** Returns the error of a call that was sent and has no answer, or none that can be read. */
export function unanswered(operation: Asked, cause: unknown): Error {
  return isRead(operation)
    ? new ServiceUnavailableError({ cause })
    : new OutcomeUnknownError({ cause });
}

/** Returns the error of a call whose answer, by its marks alone, says nothing that counts. */
export function unclear(operation: Asked, marks: AnswerMarks): Error {
  return marked(unanswered(operation, new UnclearAnswerError(marks.status)), marks);
}

/** Returns the error that a service's answer names; what does not say what was done is unclear. */
export function refusalOf(operation: Asked, received: ReceivedError, marks: AnswerMarks): Error {
  const error = fromWireError(received);
  return error === undefined ? unclear(operation, marks) : marked(error, marks);
}

/** Adds an answer's marks to the error that it became. */
export function marked<Marked extends Error>(
  error: Marked,
  { status, requestId }: AnswerMarks,
): Marked {
  return Object.assign(
    error,
    status === undefined ? {} : { status },
    requestId === undefined ? {} : { requestId },
  );
}
