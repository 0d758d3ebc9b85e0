/** Caches with a fault in purging, scanning, opening or closing, by the law that detects the fault. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CacheEntry } from "../../src/index.js";
import {
  closingOnce,
  deleteAll,
  everyEntry,
  keepingBodies,
  keepingPurgeTimes,
  lookingBeforeWriting,
  orElse,
  setPurgeTime,
  wipingOnClose,
} from "./mutant-parts.js";
import type { Mutant } from "./shared-cache.js";

export const lifeMutants: Readonly<Record<string, Mutant>> = {
  "a record is returned after its purge time until it is purged": (sound) => ({
    get: async (key) => {
      await sound.purgeExpired(1000);
      return sound.get(key);
    },
  }),
  "a purge removes what is due, head and body, and nothing else": (sound) => ({
    purgeExpired: () => deleteAll(sound),
  }),
  "a purge removes as many as are due, up to its limit, and says how many": (sound) => ({
    purgeExpired: () => sound.purgeExpired(1000),
  }),
  "what was purged is not purged again": (sound) => {
    let total = 0;
    return {
      purgeExpired: async (limit) => {
        total += await sound.purgeExpired(limit);
        return total;
      },
    };
  },
  "what was deleted is not purged": (sound) => {
    let deleted = 0;
    return {
      delete: async (key) => {
        const isDeleted = await sound.delete(key);
        if (isDeleted) deleted += 1;
        return isDeleted;
      },
      purgeExpired: async (limit) => deleted + (await sound.purgeExpired(limit)),
    };
  },
  "a renewed record outlives its first purge time": keepingPurgeTimes,
  "a purge time that was brought forward counts": keepingPurgeTimes,
  "a replace without a purge time keeps the one there is": (sound) => ({
    replace: (key, head, options) =>
      sound.replace(key, head, { ...options, purgeAfterMs: options.purgeAfterMs ?? 3_600_000 }),
  }),
  "a replace that conflicts leaves the purge time alone": (sound) => ({
    replace: async (key, head, options) => {
      const outcome = await sound.replace(key, head, options);
      if (outcome === "conflict") await setPurgeTime(sound, key, options.purgeAfterMs);
      return outcome;
    },
  }),
  "an insert that was refused leaves the purge time alone": (sound) => ({
    insert: async (key, record, options) => {
      const outcome = await sound.insert(key, record, options);
      if (outcome === "exists") await setPurgeTime(sound, key, options.purgeAfterMs);
      return outcome;
    },
  }),
  "a record under a freed key has a purge time of its own": (sound) => {
    const first = new Map<string, number>();
    return {
      insert: (key, record, options) => {
        const purgeAfterMs = first.get(key) ?? options.purgeAfterMs;
        first.set(key, purgeAfterMs);
        return sound.insert(key, record, { purgeAfterMs });
      },
    };
  },
  "a purged key is free, and nothing of its old record returns": keepingBodies,

  "an empty cache scans to an empty page without a cursor": (sound) => ({
    scan: async (cursor) => {
      if (cursor === "end") return { entries: [] };
      return { cursor: "end", ...(await sound.scan(cursor)) };
    },
  }),
  "a scan returns every record at least once": (sound) => ({
    scan: async (cursor) => {
      const page = await sound.scan(cursor);
      return cursor === undefined ? page : { ...page, entries: page.entries.slice(1) };
    },
  }),
  "a scan misses no record while others are inserted, replaced and deleted": (sound) => ({
    scan: async (cursor = "0") => {
      const [start, end] = [Number(cursor), Number(cursor) + 100];
      const all = await everyEntry(sound);
      const entries = all.slice(start, end);
      return end < all.length ? { entries, cursor: String(end) } : { entries };
    },
  }),
  "a scan returns nothing that was deleted before it began": (sound) => {
    const deleted: string[] = [];
    return {
      delete: (key) => {
        deleted.push(key);
        return sound.delete(key);
      },
      scan: async (cursor) => {
        const page = await sound.scan(cursor);
        const ghosts = deleted.map((key) => ({ key, head: Buffer.alloc(1), revision: 1 }));
        return { ...page, entries: [...page.entries, ...ghosts] };
      },
    };
  },
  "what a scan returns is the state that a get returns, and can be replaced": (sound) => ({
    scan: async (cursor) => {
      const page = await sound.scan(cursor);
      return { ...page, entries: page.entries.map((entry) => ({ ...entry, revision: "none" })) };
    },
  }),

  "ready may be called again and promises the same": (sound) => {
    let calls = 0;
    return {
      ready: async () => {
        calls += 1;
        return { ...(await sound.ready()), evicts: calls > 1 };
      },
    };
  },
  "what a cache claims to be does not change, and can be tried": () => ({ outlivesProcess: false }),
  "close may be called twice": closingOnce,
  "a cache that was never ready may be closed twice": closingOnce,
  "a closed cache fails reads as unavailable and never answers a miss": (sound) => ({
    get: async (key) => orElse(undefined, () => sound.get(key)),
  }),
  "a closed cache refuses writes as unavailable": (sound) => ({
    delete: async (key) => orElse(false, () => sound.delete(key)),
  }),
  "a closed cache refuses to purge as unavailable": (sound) => ({
    purgeExpired: async (limit) => orElse(0, () => sound.purgeExpired(limit)),
  }),
  "a closed cache does not become ready again": () => ({
    ready: () => ({ durability: "process", evicts: false }),
  }),
  "a cache that is closed while it becomes ready stays closed": (sound) => {
    let isReady = false;
    return {
      ready: async () => {
        await nextTurn();
        isReady = true;
        return sound.ready();
      },
      close: () => (isReady ? sound.close() : undefined),
    };
  },
  "records outlive the cache that wrote them": wipingOnClose,
  "what one client writes every client reads": (sound) => {
    const known = new Map<string, CacheEntry>();
    return {
      get: async (key) => {
        const entry = known.get(key) ?? (await sound.get(key));
        if (typeof entry === "object") known.set(key, entry);
        return entry;
      },
    };
  },
  "of concurrent replaces by several clients exactly one wins": lookingBeforeWriting,
  "a client that closes leaves the others their records": wipingOnClose,
};
