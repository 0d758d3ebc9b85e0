/** The harness of the laws of caches, and the helpers that define laws. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type {
  CacheBackend,
  CacheCapabilities,
  CacheEntry,
  CachePage,
  CacheRecord,
  InsertOptions,
  MaybePromise,
  Revision,
} from "../vault/contracts.js";
import { isVaultError } from "../vault/errors.js";
import type { Law, Laws } from "./laws.js";

/**
 * Opens the caches that the laws are tested on.
 *
 * Laws run one after another. The optional members describe properties of the cache: omit those that do not
 * apply.
 */
export interface CacheHarness {
  /**
   * Returns an empty cache with space for 3,000 records and 16 MiB. Every law calls it once, makes the cache
   * ready and closes it.
   */
  open(): MaybePromise<CacheBackend>;
  /**
   * Advances the clock of the cache; waits if the clock cannot be set, such as a server's. Without this
   * member the laws about purge times are skipped.
   */
  advance?(ms: number): MaybePromise<void>;
  /**
   * The step by which laws about purge times advance the clock, in milliseconds. Default 1,000. If `advance`
   * waits, choose the shortest step that the clock certainly notices.
   */
  readonly clockStepMs?: number | undefined;
  /** Whether the cache removes records after their purge time without a call. Default `false`. */
  readonly purgesByItself?: boolean | undefined;
  /** The longest key that the cache accepts, in bytes of UTF-8. Default 1,024. */
  readonly maxKeyBytes?: number | undefined;
  /** Reopens the cache that was opened and closed last. Required for a cache that outlives the process. */
  reopen?(): MaybePromise<CacheBackend>;
  /** Returns another client of the cache that was opened last. Required for a shared cache. */
  connect?(): MaybePromise<CacheBackend>;
}

/** A law about caches. */
export type CacheLaw = Law<CacheHarness>;

/** Laws about caches, by their statements. */
export type CacheLaws = Laws<CacheHarness>;

/** A cache that is ready, its capabilities and its harness. */
export interface Trial {
  readonly cache: CacheBackend;
  readonly capabilities: CacheCapabilities;
  readonly harness: CacheHarness;
}

/** A trial that can advance the clock. */
export interface TimedTrial extends Trial {
  /** Returns the duration of a number of clock steps, in milliseconds. */
  steps(count: number): number;
  /** Advances the clock by a number of steps. */
  pass(count: number): Promise<void>;
}

/** A key and its record. */
export type KeyedRecord = readonly [key: string, record: CacheRecord];

/** The options of records in laws that are not about purge times: they stay for an hour. */
export const FOR_LONG: InsertOptions = { purgeAfterMs: 3_600_000 };
export const MEBIBYTE: number = 2 ** 20;
const DEFAULT_STEP_MS = 1000;

/** Returns a law about a cache that is ready. */
export function lawOfReady(body: (trial: Trial) => Promise<void>): CacheLaw {
  return async (harness) => {
    const cache = await harness.open();
    await thenClose([cache], async () => {
      await body({ cache, capabilities: await cache.ready(), harness });
    });
  };
}

/** Returns a law about a cache whose `ready` was not called. */
export function lawOfUnopened(body: (cache: CacheBackend) => Promise<void>): CacheLaw {
  return async (harness) => {
    const cache = await harness.open();
    await thenClose([cache], () => body(cache));
  };
}

/** Returns a law about the effects of time. */
export function lawOfTime(body: (trial: TimedTrial) => Promise<void>): CacheLaw {
  const law = lawOfReady(async (trial) => {
    const { harness } = trial;
    const { clockStepMs = DEFAULT_STEP_MS } = harness;
    assert(harness.advance !== undefined, "the harness has no advance");
    const steps = (count: number) => count * clockStepMs;
    const pass = async (count: number) => harness.advance?.(steps(count));
    await body({ ...trial, steps, pass });
  });
  return Object.assign(law, { needs: "advance" } as const);
}

/** Returns a law about the records in a cache that was closed and opened again. */
export function lawOfReopened(body: {
  readonly before: (cache: CacheBackend) => Promise<void>;
  readonly after: (cache: CacheBackend) => Promise<void>;
}): CacheLaw {
  const law: CacheLaw = async (harness) => {
    await lawOfReady(({ cache }) => body.before(cache))(harness);
    const reopened = await harness.reopen?.();
    assert(reopened !== undefined, "the harness has no reopen");
    await thenClose([reopened], async () => {
      await reopened.ready();
      await body.after(reopened);
    });
  };
  return Object.assign(law, { needs: "reopen" } as const);
}

/** Returns a law about two clients of the same records. */
export function lawOfClients(
  body: (one: CacheBackend, other: CacheBackend) => Promise<void>,
): CacheLaw {
  const law = lawOfReady(async ({ cache, harness }) => {
    const other = await harness.connect?.();
    assert(other !== undefined, "the harness has no connect");
    await thenClose([other], async () => {
      await other.ready();
      await body(cache, other);
    });
  });
  return Object.assign(law, { needs: "connect" } as const);
}

/** Runs a law and closes its caches in any case. A broken law is reported, not a failure to close after it. */
async function thenClose(caches: readonly CacheBackend[], run: () => Promise<void>): Promise<void> {
  const closeAll = async () => {
    for (const cache of caches) await cache.close();
  };
  try {
    await run();
  } catch (error) {
    await closeAll().catch(() => undefined);
    throw error;
  }
  await closeAll();
}

/** Returns `text` as bytes. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, "utf8");
}

/** Stores a new record, and asserts that its key was free. */
export async function insert(
  cache: CacheBackend,
  [key, record]: KeyedRecord,
  options: InsertOptions = FOR_LONG,
): Promise<void> {
  assert.equal(await cache.insert(key, record, options), "inserted");
}

/** Returns the entry of a record. Asserts that it exists. */
export async function read(cache: CacheBackend, key: string): Promise<CacheEntry> {
  const entry = await cache.get(key);
  assert(typeof entry === "object", `get answered ${entry} for a record that is there`);
  return entry;
}

/** Returns the revision of a record. Asserts that it exists. */
export async function revisionOf(cache: CacheBackend, key: string): Promise<Revision> {
  const { revision } = await read(cache, key);
  return revision;
}

/** Asserts that a record exists and has exactly these bytes. */
export async function assertRecord(
  cache: CacheBackend,
  [key, { head, body }]: KeyedRecord,
): Promise<void> {
  const entry = await read(cache, key);
  assertBytes(entry.head, head, "the head");
  assert.equal(entry.hasBody, body !== undefined, "hasBody does not tell whether there is a body");
  const found = await cache.getBody(key);
  if (body === undefined) assert.equal(found, undefined, "there is a body that was not stored");
  else assertBytes(found, body, "the body");
}

/** Asserts that nothing is stored under a key. */
export async function assertAbsent(cache: CacheBackend, key: string): Promise<void> {
  assert.equal(await cache.get(key), undefined, "get finds a record that is not there");
  assert.equal(await cache.getBody(key), undefined, "getBody finds a body that is not there");
}

/** Asserts that a call fails with `CacheUnavailableError`. */
export async function assertUnavailable(name: string, call: () => unknown): Promise<void> {
  const isUnavailable = (error: unknown) => isVaultError(error, "ERR_VAULT_CACHE_UNAVAILABLE");
  await assert.rejects(
    async () => call(),
    isUnavailable,
    `${name} does not fail with CacheUnavailableError`,
  );
}

/** Asserts that bytes are equal, without printing up to a mebibyte of them if they are not. */
export function assertBytes(actual: unknown, expected: Uint8Array, name: string): void {
  assert(actual instanceof Uint8Array, `${name} is not a Uint8Array`);
  assert.equal(actual.length, expected.length, `${name} has another length`);
  assert.equal(Buffer.compare(actual, expected), 0, `${name} has other bytes`);
}

/** Runs `task` `count` times concurrently. A task that throws synchronously counts as a rejection. */
export async function concurrently<T>(
  count: number,
  task: (index: number) => MaybePromise<T>,
): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, async (_, index) => task(index)));
}

/** Returns the pages of a scan. Fails if the scan does not end. */
export async function* pagesOf(cache: CacheBackend): AsyncGenerator<CachePage, void, void> {
  let cursor: string | undefined;
  for (let pages = 0; pages < 100_000; pages++) {
    const page: CachePage = await cache.scan(cursor);
    yield page;
    cursor = page.cursor;
    if (cursor === undefined) return;
  }
  assert.fail("the scan does not end");
}

/** Returns the distinct keys of a scan. */
export async function scannedKeys(cache: CacheBackend): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const page of pagesOf(cache)) {
    for (const { key } of page.entries) keys.add(key);
  }
  return keys;
}
