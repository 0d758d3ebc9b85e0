import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { lruCache } from "../../src/cache/lru.js";
import { HandleVault } from "../../src/index.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Returns how many bytes are in use, in and outside the heap, once all garbage is collected. */
export function usedBytes(): number {
  // What the first collection finalizes is freed by the second one.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Returns a vault that forgets: what it keeps does not grow with what it is asked to seal. */
export async function forgetfulVault(): Promise<HandleVault> {
  return new HandleVault({ cache: await lruCache({ maxEntries: 100 }), acceptVolatile: true });
}
