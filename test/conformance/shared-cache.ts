/** A correct cache that several clients share and that outlives them, and a way to add faults. */

import { CacheUnavailableError } from "../../src/errors.js";
import { type CacheBackend, type MaybePromise, memoryCache } from "../../src/index.js";
import type { CacheHarness } from "../../src/testing.js";

/** Returns the members of a correct client that a fault replaces. */
export type Mutant = (sound: CacheBackend) => Partial<CacheBackend>;

/** Returns a harness for clients of one memory cache, each with the fault of `mutant`. */
export function sharedHarness(mutant: Mutant = () => ({})): CacheHarness {
  let nowMs = 0;
  let store = memoryCache();
  const connect = () => {
    const sound = clientOf(store);
    return { ...sound, ...mutant(sound) };
  };
  return {
    open: async () => {
      store = memoryCache({ elapsedMs: () => nowMs });
      await store.ready();
      return connect();
    },
    advance: (ms) => {
      nowMs += ms;
    },
    reopen: connect,
    connect,
  };
}

function clientOf(store: CacheBackend): CacheBackend {
  let isClosed = false;
  const use = <T>(call: () => MaybePromise<T>): MaybePromise<T> => {
    if (isClosed) throw new CacheUnavailableError();
    return call();
  };
  return {
    shared: true,
    outlivesProcess: true,
    ready: () => use(() => ({ durability: "process", evicts: false }) as const),
    insert: (key, record, options) => use(() => store.insert(key, record, options)),
    get: (key, options) => use(() => store.get(key, options)),
    getBody: (key, options) => use(() => store.getBody(key, options)),
    replace: (key, head, options) => use(() => store.replace(key, head, options)),
    delete: (key, options) => use(() => store.delete(key, options)),
    purgeExpired: (limit, options) => use(() => store.purgeExpired(limit, options)),
    scan: (cursor, options) => use(() => store.scan(cursor, options)),
    close: () => {
      isClosed = true;
    },
  };
}
