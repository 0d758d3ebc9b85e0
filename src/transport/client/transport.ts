import type { OperationName } from "../service/operations.js";

/** What one call over a wire may be given. */
export interface WireCallOptions {
  /** Gives the call up; the promise then rejects with the signal's reason or what became of the call. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A client's connection to a vault's service, whatever it speaks.
 *
 * Parameters and results are those of `operations.ts`, with `data` as a native value. What the service
 * refuses is thrown as the error it would be in process.
 */
export interface Wire {
  /**
   * Asks the service for one operation and returns its result, which nobody has checked yet.
   *
   * @throws ServiceUnavailableError It cannot be reached, or what it says is no answer.
   * @throws OutcomeUnknownError The request was sent, and whether it took effect is not known.
   */
  call(operation: OperationName, params: object, options?: WireCallOptions): Promise<object>;
  /** Closes the connection; the vault behind it stays open. */
  close(): Promise<void>;
}
