/** Writes that have begun and not settled, so that a rewrap can wait for those that began before it. */
import type { MaybePromise } from "../vault/contracts.js";
import { isPromise } from "../vault/maybe-promise.js";

/** Writes that began between two waits. */
interface Generation {
  writes: number;
  readonly settled: Promise<void>;
  readonly settle: () => void;
}

/**
 * Counts writes from the choice of their key until they settle. One that began before a key was replaced may
 * store a record under it as long as it is pending.
 */
export class PendingWrites {
  #current: Generation = newGeneration();
  /** Earlier generations with pending writes. */
  readonly #earlier = new Set<Generation>();

  /** Runs a write, which begins with the choice of its key, and returns what it returns. */
  run<T>(write: () => MaybePromise<T>): MaybePromise<T> {
    const generation = this.#current;
    const settle = () => this.#settle(generation);
    generation.writes += 1;
    let result: MaybePromise<T>;
    try {
      result = write();
    } catch (error) {
      settle();
      throw error;
    }
    if (isPromise(result)) result.then(settle, settle);
    else settle();
    return result;
  }

  /** Waits until every write that has begun by now has settled, and for none that begins later. */
  async begunSettled(): Promise<void> {
    if (this.#current.writes > 0) {
      this.#earlier.add(this.#current);
      this.#current = newGeneration();
    }
    await Promise.all([...this.#earlier].map(({ settled }) => settled));
  }

  #settle(generation: Generation): void {
    generation.writes -= 1;
    if (generation.writes > 0 || !this.#earlier.delete(generation)) return;
    generation.settle();
  }
}

const byKeys = new WeakMap<object, PendingWrites>();

/** Returns the pending writes of all vaults in this process that have the same keys. */
export function pendingWritesUnder(keys: object): PendingWrites {
  const known = byKeys.get(keys);
  if (known !== undefined) return known;
  const pending = new PendingWrites();
  byKeys.set(keys, pending);
  return pending;
}

function newGeneration(): Generation {
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { writes: 0, settled, settle: () => settle() };
}
