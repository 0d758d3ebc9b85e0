/** Shared helpers for tests of the caches in this process. */

import { CacheFullError } from "../../src/errors.js";
import type { CacheBackend, Revision } from "../../src/index.js";

const HOUR_MS = 3_600_000;

/** A clock that the test advances. */
export class ManualClock {
  nowMs = 0;
  readonly elapsedMs = (): number => this.nowMs;
}

/** Returns `byteCount` bytes. */
export function bytes(byteCount: number, value = 1): Buffer {
  return Buffer.alloc(byteCount, value);
}

/** Stores a head of `byteCount` bytes. */
export async function put(
  cache: CacheBackend,
  key: string,
  { byteCount = 10, purgeAfterMs = HOUR_MS } = {},
): Promise<"inserted" | "exists"> {
  return cache.insert(key, { head: bytes(byteCount) }, { purgeAfterMs });
}

export async function revisionOf(cache: CacheBackend, key: string): Promise<Revision> {
  const entry = await cache.get(key);
  if (typeof entry !== "object") throw new Error(`${key} is not there`);
  return entry.revision;
}

/** Replaces the current head by one of `byteCount` bytes. */
export async function rewrite(
  cache: CacheBackend,
  key: string,
  byteCount: number,
): Promise<"replaced" | "conflict" | "absent"> {
  return cache.replace(key, bytes(byteCount), { ifRevision: await revisionOf(cache, key) });
}

/** Returns the keys of all records, in order of insertion. */
export async function keysOf(cache: CacheBackend): Promise<readonly string[]> {
  const { entries } = await cache.scan();
  return entries.map(({ key }) => key);
}

/** Returns the result of `write`, or `"full"` if it throws `CacheFullError`. */
export async function orFull<T>(write: () => T | Promise<T>): Promise<T | "full"> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof CacheFullError) return "full";
    throw error;
  }
}
