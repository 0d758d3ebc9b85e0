/** Thirty thousand years: well within what servers add to their clock. */
const MAX_PURGE_MS = 1e15;

/** Returns a duration in milliseconds as servers take it: whole, and at least 1. */
export function toPurgeMs(purgeAfterMs: number): number {
  return purgeAfterMs >= 1 ? Math.min(MAX_PURGE_MS, Math.ceil(purgeAfterMs)) : 1;
}
