/** The harness of the contract suites of Redis and Valkey caches. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CacheBackend } from "../../../src/index.js";
import type { CacheHarness } from "../../../src/testing.js";

/** Short, but longer than the delays of servers and tests. */
const CLOCK_STEP_MS = 300;

let laws = 0;

/** Opens a cache with a key prefix. */
export type OpenWith = (keyPrefix: string) => CacheBackend | Promise<CacheBackend>;

/** Returns a harness for one server; each law has its own prefix. */
export function respHarness(openWith: OpenWith): CacheHarness {
  let keyPrefix = "";
  const again = () => openWith(keyPrefix);
  return {
    open: () => {
      laws += 1;
      keyPrefix = `hv:law-${laws}:`;
      return again();
    },
    advance: async (ms) => {
      await sleep(ms);
    },
    clockStepMs: CLOCK_STEP_MS,
    purgesByItself: true,
    reopen: again,
    connect: again,
  };
}
