/** Requests of a server that stops: what it has not begun is refused, so that its client knows nothing was done. */
import { nextTurn } from "../../primitives/timers.js";
import { ServiceUnavailableError } from "../../vault/errors.js";

/** Turns of the event loop: to accept a connection, to read from it, and to answer. */
const TURNS = 3;
/** More connections than a system lets wait by default. */
const MAX_ROUNDS = 1000;

/** The requests that have arrived and for which the vault has not been asked yet. */
export class NotBegun {
  readonly #refusals = new Set<(error: Error) => void>();
  #isStopped = false;

  /** Whether every request is refused that has not begun. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * To be called right before the vault is asked.
   *
   * @throws {@link ServiceUnavailableError} The server has stopped; nothing was done.
   */
  begin(): void {
    if (this.#isStopped) throw new ServiceUnavailableError();
  }

  /**
   * Returns what a request waits for before it begins.
   *
   * @throws {@link ServiceUnavailableError} The server stops before it comes; nothing was done.
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

  /** Refuses what has not begun, now and from now on. */
  stop(): void {
    this.#isStopped = true;
    for (const refuse of this.#refusals) refuse(new ServiceUnavailableError());
    this.#refusals.clear();
  }
}

/**
 * Resolves once the event loop has read what had arrived when this was called.
 *
 * @param arrivals - How many connections and requests have come so far: as long as there are more, the
 *   system may hold others, since Node takes connections one by one.
 */
export async function whatArrived(arrivals: () => number = () => 0): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = arrivals();
    for (let turn = 0; turn < TURNS; turn++) {
      await nextTurn();
    }
    if (arrivals() === before) return;
  }
}
