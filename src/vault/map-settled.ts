import { isPromise } from "./maybe-promise.js";
import { timeSlices } from "./time-slices.js";
import type { Outcome } from "./vault.js";

/**
 * Runs `task` for every item, some at a time, and returns in their order how each of them ended.
 *
 * Items that start at the same moment share the commits of a cache. Tasks that never wait for anything
 * are interrupted after some milliseconds, so that the event loop turns.
 */
export async function mapSettled<Item, T>(
  items: readonly Item[],
  task: (item: Item) => Promise<T>,
  maxInFlight = 64,
): Promise<Outcome<T>[]> {
  if (!Array.isArray(items)) throw new TypeError("requests must be an array");
  // A hole is an item that is not there, and fails as one.
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
    return { ok: false, error };
  }
}
