/** Runs the contract suite of caches in vitest. */
import { describe, it } from "vitest";
import type { CacheBackend } from "../../src/index.js";
import { type CacheHarness, describeCacheBackend } from "../../src/testing.js";

/** Declares the laws of caches. `exceptions` gives a reason for each law that a cache is known to break. */
export function describeCache(
  name: string,
  harness: CacheHarness,
  exceptions: Readonly<Record<string, string>> = {},
): void {
  describeCacheBackend(name, harness, { describe, it, exceptions });
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
