import type { Clock } from "./contracts.js";

/** Returns a clock of the system's time that ticks on when the system's clock is set back. */
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

/** Returns `clock`, except that it stands still where `clock` would go backwards. */
export function neverBackwards(clock: Clock): Clock {
  let latest = Number.NEGATIVE_INFINITY;
  return {
    now(): number {
      const time = clock.now();
      if (!Number.isFinite(time)) throw new RangeError("clock.now() must return a finite number");
      if (time > latest) latest = time;
      return latest;
    },
  };
}
