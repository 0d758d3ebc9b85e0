import { CacheUnavailableError } from "./errors.js";

/** After this many conflicts the cache counts as unavailable: each conflict means that another write succeeded. */
const MAX_RACES = 1000;

/** The outcome of an attempt: its result, or a conflict with another write in between. */
export type Attempt<T> = { readonly value: T } | "conflict";

/**
 * Repeats an attempt (read, decide, compare and swap) until no other write conflicts with it.
 *
 * @throws {@link CacheUnavailableError} Every attempt had a conflict.
 */
export async function retryOnConflict<T>(attempt: () => Promise<Attempt<T>>): Promise<T> {
  for (let race = 0; race < MAX_RACES; race++) {
    const outcome = await attempt();
    if (outcome !== "conflict") return outcome.value;
  }
  throw new CacheUnavailableError();
}
