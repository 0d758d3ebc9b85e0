/** Faults that several mutants share, and helpers to build mutants. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CacheBackend, CacheEntry, Revision } from "../../src/index.js";

export function lookingBeforeWriting(sound: CacheBackend): Partial<CacheBackend> {
  return {
    replace: async (key, head, options) => {
      const entry = await sound.get(key);
      if (typeof entry !== "object") return "absent";
      if (entry.revision !== options.ifRevision) return "conflict";
      await nextTurn();
      await sound.replace(key, head, { ...options, ifRevision: await revisionNow(sound, key) });
      return "replaced";
    },
  };
}

export function keepingBodies(sound: CacheBackend): Partial<CacheBackend> {
  const bodies = new Map<string, Uint8Array>();
  return {
    insert: (key, record, options) => {
      if (record.body !== undefined) bodies.set(key, record.body);
      return sound.insert(key, record, options);
    },
    getBody: (key) => bodies.get(key),
  };
}

export function keepingPurgeTimes(sound: CacheBackend): Partial<CacheBackend> {
  return {
    replace: (key, head, options) =>
      sound.replace(key, head, { ...options, purgeAfterMs: undefined }),
  };
}

export function closingOnce(sound: CacheBackend): Partial<CacheBackend> {
  let closes = 0;
  return {
    close: async () => {
      closes += 1;
      if (closes === 2) throw new Error("the connection is closed");
      await sound.close();
    },
  };
}

export function wipingOnClose(sound: CacheBackend): Partial<CacheBackend> {
  return {
    close: async () => {
      await orElse(0, () => deleteAll(sound));
      await sound.close();
    },
  };
}

export function withKeys(sound: CacheBackend, map: (key: string) => string): Partial<CacheBackend> {
  return {
    insert: (key, record, options) => sound.insert(map(key), record, options),
    get: (key) => sound.get(map(key)),
    getBody: (key) => sound.getBody(map(key)),
    replace: (key, head, options) => sound.replace(map(key), head, options),
    delete: (key) => sound.delete(map(key)),
  };
}

export function change(
  found: CacheEntry | "evicted" | undefined,
  difference: Partial<CacheEntry>,
): CacheEntry | "evicted" | undefined {
  return typeof found === "object" ? { ...found, ...difference } : found;
}

export async function revisionNow(cache: CacheBackend, key: string): Promise<Revision> {
  const entry = await cache.get(key);
  return typeof entry === "object" ? entry.revision : "none";
}

export async function setPurgeTime(
  cache: CacheBackend,
  key: string,
  purgeAfterMs: number | undefined,
): Promise<void> {
  const entry = await cache.get(key);
  if (typeof entry !== "object") return;
  await cache.replace(key, entry.head, { ifRevision: entry.revision, purgeAfterMs });
}

export async function everyEntry(cache: CacheBackend) {
  const entries = [];
  let cursor: string | undefined;
  do {
    const page = await cache.scan(cursor);
    entries.push(...page.entries);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return entries;
}

export async function deleteAll(cache: CacheBackend): Promise<number> {
  const entries = await everyEntry(cache);
  for (const { key } of entries) await cache.delete(key);
  return entries.length;
}

export async function orElse<T>(value: T, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch {
    return value;
  }
}
