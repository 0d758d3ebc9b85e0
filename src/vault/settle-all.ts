import type { Outcome } from "./vault.js";

/** Items under way at the same time. */
const MAX_IN_FLIGHT = 64;

/** Runs `task` for every item, some at a time, and says in their order what became of each. */
export async function settleAll<Item, T>(
  items: readonly Item[],
  task: (item: Item) => Promise<T>,
): Promise<Outcome<T>[]> {
  if (!Array.isArray(items)) throw new TypeError("requests must be an array");
  // A hole is an item that is not there, and fails as one.
  const all = Array.from(items);
  const outcomes: Outcome<T>[] = [];
  for (let start = 0; start < all.length; start += MAX_IN_FLIGHT) {
    const settled = await Promise.allSettled(all.slice(start, start + MAX_IN_FLIGHT).map(task));
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
