/** Shared helpers for tests of the SQLite cache. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect } from "vitest";
import type { CacheBackend } from "../../src/index.js";

export const FOR_LONG = { purgeAfterMs: 3_600_000 } as const;
export const UNAVAILABLE = "ERR_VAULT_CACHE_UNAVAILABLE";
export const FULL = "ERR_VAULT_CACHE_FULL";

const directories: string[] = [];
const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const part of opened.splice(0)) await part.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** Returns a directory that is removed after the test. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "handlevault-sqlite-"));
  directories.push(directory);
  return directory;
}

/** Returns the path of a database that does not exist yet, in a new directory. */
export function newFile(): string {
  return join(newDirectory(), "records.db");
}

/** Closes a resource after the test. */
export function closeLater<T extends { close(): unknown }>(part: T): T {
  opened.push(part);
  return part;
}

/** Inserts a record whose head is its key. */
export async function put(cache: CacheBackend, key: string, body?: Uint8Array): Promise<void> {
  const outcome = await cache.insert(key, { head: Buffer.from(key), body }, FOR_LONG);
  expect(outcome).toBe("inserted");
}

/** Returns the head of a key as text, or `undefined` if there is none. */
export async function headOf(cache: CacheBackend, key: string): Promise<string | undefined> {
  const entry = await cache.get(key);
  return typeof entry === "object" ? Buffer.from(entry.head).toString() : entry;
}
