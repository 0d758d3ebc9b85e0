/** Runs the contract suite of caches in vitest. */
import { describe, it } from "vitest";
import type { CacheBackend } from "../../src/index.js";
import { type CacheHarness, describeCacheBackend } from "../../src/testing.js";

/**
 * Declares the laws of caches; `exceptions` gives a reason for each law that is known to be broken.
 * Laws of shared and of lasting caches are left out for others: a law that is for all caches refuses a
 * cache that claims to be one and cannot be tried. The laws about purge times are for every cache.
 */
export function describeCache(
  name: string,
  harness: CacheHarness,
  exceptions: Readonly<Record<string, string>> = {},
): void {
  if (harness.advance === undefined) throw new TypeError(`the clock of ${name} cannot be moved`);
  const declare = (law: string, run: () => Promise<void>) => it(law, run);
  const runner = { describe, it: Object.assign(declare, { fails: it.fails }) };
  describeCacheBackend(name, harness, { ...runner, exceptions });
}

/** Returns a harness for caches whose clock is a function. */
export function withClock(open: (elapsedMs: () => number) => CacheBackend): CacheHarness {
  let nowMs = 0;
  return {
    open: () => open(() => nowMs),
    advance: (ms) => {
      nowMs += ms;
    },
  };
}
