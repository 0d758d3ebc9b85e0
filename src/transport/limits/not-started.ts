/** Refuses the requests that a stopping server has not begun, so that clients know that nothing was done. */
import { nextTurn } from "../../primitives/timers.js";
import { ServiceUnavailableError } from "../../vault/errors.js";

/** Turns of the event loop: to accept a connection, to read from it, and to respond. */
const TURNS = 3;
/** More connections than a system keeps waiting by default. */
const MAX_ROUNDS = 1000;

/** The requests that have arrived and for which the vault was not called yet. */
export class NotBegun {
  readonly #refusals = new Set<(error: Error) => void>();
  #isStopped = false;

  /** Whether every request that has not begun is refused. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * Called right before the vault is called.
   *
   * @throws {@link ServiceUnavailableError} The server has stopped; nothing was done.
   */
  begin(): void {
    if (this.#isStopped) throw new ServiceUnavailableError();
  }

  /**
   * Waits for a promise that a request needs before it begins, and returns its value.
   *
   * @throws {@link ServiceUnavailableError} The server stopped first; nothing was done.
   */
  unlessStopped<T>(awaited: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) reject(new ServiceUnavailableError());
      else this.#refusals.add(reject);
      awaited.then(
        (value) => {
          this.#refusals.delete(reject);
          resolve(value);
        },
        (error: unknown) => {
          this.#refusals.delete(reject);
          reject(error);
        },
      );
    });
  }

  /** Refuses all requests that have not begun, now and later. */
  stop(): void {
    this.#isStopped = true;
    for (const refuse of this.#refusals) refuse(new ServiceUnavailableError());
    this.#refusals.clear();
  }
}

/**
 * Resolves once the event loop has read all data that had arrived before the call.
 *
 * @param arrivals - Returns the number of connections and requests so far. While it grows, the system may
 * hold others, because Node accepts connections one by one.
 */
export async function requestsArrived(arrivals: () => number = () => 0): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = arrivals();
    for (let turn = 0; turn < TURNS; turn++) {
      await nextTurn();
    }
    if (arrivals() === before) return;
  }
}
