/** What the suites of Redis and Valkey caches have in common. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CacheBackend } from "../../../src/index.js";
import type { CacheHarness } from "../../../src/testing.js";

/** Short, and yet longer than servers and tests are ever late. */
const CLOCK_STEP_MS = 300;

let laws = 0;

/** Opens a cache whose keys begin with a prefix. */
export type OpenWith = (keyPrefix: string) => CacheBackend | Promise<CacheBackend>;

/** Returns a harness for one server: each law has a prefix of its own. */
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
