import { isVaultError } from "../../vault/errors.js";
import { errorOf } from "../../vault/maybe-promise.js";
import type { Outcome } from "../../vault/vault.js";

/** The maximum size of one batch request: below the default limit of services. */
const MAX_BATCH_SIZE = 8 * 1024 * 1024;

/** An item to send, with its approximate number of characters. */
export interface Sized {
  readonly size: number;
}

/** Returns items in groups that each fit into one request, in order. */
export function inGroups<Item extends Sized>(items: readonly Item[], maxItems: number): Item[][] {
  const groups: Item[][] = [];
  let current: Item[] = [];
  let left = 0;
  for (const item of items) {
    left -= item.size;
    if (current.length === 0 || current.length >= maxItems || left < 0) {
      current = [];
      groups.push(current);
      left = MAX_BATCH_SIZE - item.size;
    }
    current.push(item);
  }
  return groups;
}

/**
 * Returns the outcome of every item, with one request, or with two halves if that is too large.
 *
 * @param ask - Sends one request; if it fails, so does every item in it.
 */
export async function askInHalves<Item, T>(
  items: readonly Item[],
  ask: (items: readonly Item[]) => Promise<Outcome<T>[]>,
): Promise<Outcome<T>[]> {
  try {
    return await ask(items);
  } catch (error) {
    if (!isVaultError(error, "ERR_VAULT_REQUEST_TOO_LARGE") || items.length < 2) {
      return items.map(() => ({ ok: false, error: errorOf(error) }));
    }
  }
  const middle = Math.ceil(items.length / 2);
  const first = await askInHalves(items.slice(0, middle), ask);
  return [...first, ...(await askInHalves(items.slice(middle), ask))];
}
