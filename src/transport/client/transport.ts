import type { OperationName } from "../service/operations.js";

/** The options of one call over a transport. */
export interface TransportCallOptions {
  /** Aborts the call; the promise then rejects with the signal's reason or the outcome of the call. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A client's connection to a vault's service, for any protocol.
 *
 * Parameters and results are those of `operations.ts`, with `data` as a native value. Errors of the service
 * are thrown as the same errors as in process.
 */
export interface Transport {
  /**
   * Requests one operation from the service and returns its unchecked result.
   *
   * @throws ServiceUnavailableError The service cannot be reached, or its response is not valid.
   * @throws OutcomeUnknownError The request was sent, and it is unknown whether it took effect.
   */
  call(operation: OperationName, params: object, options?: TransportCallOptions): Promise<object>;
  /** Closes the connection; the vault behind it stays open. */
  close(): Promise<void>;
}
