/** Thirty thousand years: small enough for servers to add it to their clock. */
const MAX_PURGE_MS = 1e15;

/** Returns a duration in milliseconds that servers accept: an integer of at least 1. */
export function toPurgeMs(purgeAfterMs: number): number {
  return purgeAfterMs >= 1 ? Math.min(MAX_PURGE_MS, Math.ceil(purgeAfterMs)) : 1;
}
