/** Details of a call that got no response. */
export interface Loss {
  /** Whether the server may have received any part of the call. */
  readonly wasSent: boolean;
  /** Whether the deadline passed: another attempt would take as long. */
  readonly isLate?: boolean | undefined;
}

/**
 * There is no connection, or it closed before a call got its response. The message contains at most an error
 * code.
 */
export class ConnectionLostError extends Error implements Loss {
  override readonly name = "ConnectionLostError" as const;
  readonly wasSent: boolean;
  readonly isLate: boolean;
  constructor(reason: string, { wasSent, isLate = false }: Loss) {
    super(reason);
    this.wasSent = wasSent;
    this.isLate = isLate;
  }
}
