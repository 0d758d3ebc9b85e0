import type { Outcome } from "./vault.js";

/** Runs `task` for every item, some at a time, and says in their order what became of each. */
export async function settleAll<Item, T>(
  items: readonly Item[],
  task: (item: Item) => Promise<T>,
  maxInFlight = 64,
): Promise<Outcome<T>[]> {
  if (!Array.isArray(items)) throw new TypeError("requests must be an array");
  // A hole is an item that is not there, and fails as one.
  const all = Array.from(items);
  const outcomes: Outcome<T>[] = [];
  for (let start = 0; start < all.length; start += maxInFlight) {
    const settled = await Promise.allSettled(all.slice(start, start + maxInFlight).map(task));
    for (const outcome of settled) {
      outcomes.push(
        outcome.status === "fulfilled"
          ? { ok: true, value: outcome.value }
          : { ok: false, error: outcome.reason },
      );
    }
  }
  return outcomes;
}
