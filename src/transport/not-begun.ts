/** Requests of a server that stops: what it has not begun is refused, so that its client knows nothing was done. */
import { nextTurn } from "../primitives/timers.js";
import { ServiceUnavailableError } from "../vault/errors.js";

/** Turns of the event loop: to accept a connection, to read from it, and to answer. */
const TURNS = 3;
/** More connections than a system lets wait by default. */
const MAX_ROUNDS = 1000;

/** Called right before the vault is asked. @throws ServiceUnavailableError The request was refused before. */
export type Begin = () => void;

/** The requests that have arrived and for which the vault has not been asked yet. */
export class NotBegun {
  readonly #refusals = new Set<() => void>();
  #isStopped = false;

  /** Whether every request is refused that has not begun. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * Returns the result of `work`, which calls `begin` before the vault is asked.
   *
   * @throws {@link ServiceUnavailableError} The server stopped before; nothing was done.
   */
  run<T>(work: (begin: Begin) => Promise<T>): Promise<T> {
    if (this.#isStopped) return Promise.reject(new ServiceUnavailableError());
    return new Promise((resolve, reject) => {
      let isRefused = false;
      const refuse = (): void => {
        isRefused = true;
        reject(new ServiceUnavailableError());
      };
      const begin = (): void => {
        if (isRefused) throw new ServiceUnavailableError();
        this.#refusals.delete(refuse);
      };
      this.#refusals.add(refuse);
      const settle = <Value>(settled: (value: Value) => void) => {
        return (value: Value): void => {
          this.#refusals.delete(refuse);
          settled(value);
        };
      };
      work(begin).then(settle(resolve), settle(reject));
    });
  }

  /** Refuses what has not begun, now and from now on. */
  stop(): void {
    this.#isStopped = true;
    for (const refuse of this.#refusals) refuse();
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
