import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { lruCache } from "../../src/cache/lru.js";
import { HandleVault } from "../../src/index.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Returns the bytes in use, in and outside the heap, after garbage collection. */
export function usedBytes(): number {
  // The second collection frees the objects that the first one finalized.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Returns a vault that stores nothing: its memory does not grow with the number of sealed records. */
export async function forgetfulVault(): Promise<HandleVault> {
  return new HandleVault({ cache: await lruCache({ maxEntries: 100 }), acceptVolatile: true });
}
