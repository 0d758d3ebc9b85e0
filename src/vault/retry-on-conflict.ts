import { CacheUnavailableError } from "./errors.js";

/** Every lost race means that somebody else won one. */
const MAX_RACES = 1000;

/** What an attempt gives: its result, or nothing if somebody else wrote in between. */
export type Attempt<T> = { readonly value: T } | "conflict";

/**
 * Repeats what reads, decides and compares-and-swaps until nobody else wrote in between.
 *
 * @throws {@link CacheUnavailableError} It lost every race.
 */
export async function retryOnConflict<T>(attempt: () => Promise<Attempt<T>>): Promise<T> {
  for (let race = 0; race < MAX_RACES; race++) {
    const outcome = await attempt();
    if (outcome !== "conflict") return outcome.value;
  }
  throw new CacheUnavailableError();
}
