/** What is known of a call that was not answered. */
export interface Loss {
  /** Whether the other end may have got something of the call. */
  readonly wasSent: boolean;
  /** Whether time ran out: another try would take as long. */
  readonly isLate?: boolean | undefined;
}

/** There is no connection, or it ended before a call was answered. The text has a code at most. */
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
