import { settlesWithin } from "../../primitives/settles-within.js";
import { VaultClosedError } from "../../vault/errors.js";
import { InFlightLimit } from "../limits/limits.js";

/** The calls of one client that are in flight, and the closing of the client. */
export class CallsInFlight {
  readonly #calls = new InFlightLimit(Number.POSITIVE_INFINITY);
  readonly #givenUp = new AbortController();
  #isClosed = false;

  /** Aborted once the client is closed and its calls have used up their time. */
  get givenUp(): AbortSignal {
    return this.#givenUp.signal;
  }

  /** Whether the client accepts no more calls. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Makes a call, and counts it until it has ended.
   *
   * @throws {@link VaultClosedError} The client is closed.
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new VaultClosedError();
    const leave = this.#calls.enter();
    try {
      return await call();
    } finally {
      leave?.();
    }
  }

  /** Accepts no more calls, waits that many milliseconds for those in flight, and then aborts them. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    await settlesWithin(timeoutMs, this.#calls.idle());
    this.#givenUp.abort(new VaultClosedError());
  }
}
