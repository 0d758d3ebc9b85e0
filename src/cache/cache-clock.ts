/** The clock for purge times of a cache that processes share. */
import { systemClock } from "../vault/clock.js";
import type { Clock } from "../vault/contracts.js";

/** The largest tolerated difference between the clock of this process and the system's, in milliseconds. */
const MAX_DIFFERENCE_MS = 60_000;

/** A clock that also decides which records are due. */
export interface CacheClock extends Clock {
  /** Returns the time up to which records are due, or `undefined` while nothing may be purged. */
  dueMs(): number | undefined;
}

/**
 * Returns the clock of a cache.
 *
 * A purge deletes the records of all processes, so the clock of one process is not sufficient: a
 * monotonic clock stays ahead after the system's clock was once set ahead. An injected clock is not
 * compared, because it may differ from the system's time on purpose.
 */
export function cacheClock(injected: Clock | undefined): CacheClock {
  const clock = injected ?? systemClock();
  const now = () => clock.now();
  return { now, dueMs: injected === undefined ? () => agreedTime(now(), Date.now()) : now };
}

/** Returns the earlier of two times, or `undefined` if they differ by too much. */
export function agreedTime(one: number, other: number): number | undefined {
  return Math.abs(one - other) <= MAX_DIFFERENCE_MS ? Math.min(one, other) : undefined;
}
