import { performance } from "node:perf_hooks";
import { MAX_TTL_SECONDS } from "./checks.js";
import type { Clock } from "./contracts.js";

/** Returns a clock of the system time. When the system time is set back, this clock runs on. */
export function systemClock(): Clock {
  let origin = Number.NEGATIVE_INFINITY;
  return {
    now(): number {
      const elapsed = performance.now();
      origin = Math.max(origin, Date.now() - elapsed);
      return Math.floor(origin + elapsed);
    },
  };
}

/** The latest time at which a handle can be sealed: its expiry must still be a valid `Date`. */
const MAX_TIME_MS: number = 8.64e15 - 1000 * MAX_TTL_SECONDS;

/** Returns a clock that follows `clock`, but stands still while `clock` is behind an earlier reading. */
export function monotonicClock(clock: Clock): Clock {
  let latest = Number.NEGATIVE_INFINITY;
  return {
    now(): number {
      const time = clock.now();
      if (!(time >= 0 && time <= MAX_TIME_MS)) {
        throw new RangeError("clock.now() must return milliseconds since 1970");
      }
      latest = Math.max(latest, Math.floor(time));
      return latest;
    },
  };
}
