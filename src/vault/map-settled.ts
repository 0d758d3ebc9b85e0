import { typeFault } from "./argument-errors.js";
import { errorOf, isPromise } from "./maybe-promise.js";
import { timeSlices } from "./time-slices.js";
import type { Outcome } from "./vault.js";

/**
 * Runs `task` for every item, at most `maxInFlight` at a time. Returns the outcomes in the order of the
 * items, like `Promise.allSettled`.
 *
 * Tasks that start together share the commits of a cache. If tasks complete without waiting for I/O, the
 * loop pauses every few milliseconds, so that the event loop can turn.
 */
export async function mapSettled<Item, T>(
  items: readonly Item[],
  task: (item: Item) => Promise<T>,
  maxInFlight = 64,
): Promise<Outcome<T>[]> {
  if (!Array.isArray(items)) throw typeFault("requests", "array");
  // A hole in the array becomes `undefined`, and its task fails.
  const all = Array.from<Item>(items);
  const outcomes: Outcome<T>[] = [];
  while (outcomes.length < all.length) {
    const inFlight: Promise<Outcome<T>>[] = [];
    for (const item of all.slice(outcomes.length, outcomes.length + maxInFlight)) {
      const slice = timeSlices.next();
      if (isPromise(slice)) await slice;
      inFlight.push(outcomeOf(task(item)));
    }
    outcomes.push(...(await Promise.all(inFlight)));
  }
  return outcomes;
}

async function outcomeOf<T>(result: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await result };
  } catch (error) {
    return { ok: false, error: errorOf(error) };
  }
}
