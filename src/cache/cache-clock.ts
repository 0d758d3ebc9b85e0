/** The time that a cache shared by processes counts purge times by. */
import { systemClock } from "../vault/clock.js";
import type { Clock } from "../vault/contracts.js";

/** How far the clock of this process and the system's may be apart, in milliseconds. */
const MAX_DIFFERENCE_MS = 60_000;

/** A clock that also says which records may be removed. */
export interface CacheClock extends Clock {
  /** Returns the time up to which purge times are due, or `undefined` while nothing may be purged. */
  dueMs(): number | undefined;
}

/**
 * Returns the clock of a cache.
 *
 * A purge deletes the records of all processes, so the time of one process is not enough for it: a
 * clock that never goes backwards stays ahead after the system's was once ahead. An injected clock
 * is trusted alone, because the system's time has no bearing on it.
 */
export function cacheClock(injected: Clock | undefined): CacheClock {
  const clock = injected ?? systemClock();
  const now = () => clock.now();
  return { now, dueMs: injected === undefined ? () => agreedTime(now(), Date.now()) : now };
}

/** Returns the earlier of two times, or `undefined` when they contradict each other. */
export function agreedTime(one: number, other: number): number | undefined {
  return Math.abs(one - other) <= MAX_DIFFERENCE_MS ? Math.min(one, other) : undefined;
}
