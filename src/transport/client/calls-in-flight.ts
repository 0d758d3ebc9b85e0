import { settlesWithin } from "../../primitives/settles-within.js";
import { VaultClosedError } from "../../vault/errors.js";
import { InFlightLimit } from "../limits/limits.js";

/** The calls of one client that are in flight, and how the client ends. */
export class CallsInFlight {
  readonly #calls = new InFlightLimit(Number.POSITIVE_INFINITY);
  readonly #givenUp = new AbortController();
  #isClosed = false;

  /** Aborted once the client is closed and its calls have had their time. */
  get givenUp(): AbortSignal {
    return this.#givenUp.signal;
  }

  /** Whether the client takes no more calls. */
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

  /** Takes no more calls, and gives those in flight so many milliseconds before they are given up. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    await settlesWithin(timeoutMs, this.#calls.idle());
    this.#givenUp.abort(new VaultClosedError());
  }
}
