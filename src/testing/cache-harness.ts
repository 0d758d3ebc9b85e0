/** What the laws of caches are tried on, and what they are made of. */
import assert from "node:assert/strict";
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
 * Makes the caches that the laws are tried on.
 *
 * Laws run one after another. The optional members say what a cache cannot help being: leave out
 * what does not apply.
 */
export interface CacheHarness {
  /**
   * Returns a cache without records, with room for 3,000 of them and 16 MiB. Every law calls it once,
   * makes the cache ready and closes it.
   */
  open(): MaybePromise<CacheBackend>;
  /**
   * Moves the clock of the cache on. A clock that cannot be moved, such as a server's, is waited for.
   * Without it no law about purge times is run.
   */
  advance?(ms: number): MaybePromise<void>;
  /**
   * The step, in milliseconds, in which laws about purge times move the clock. Default 1,000. Where
   * the clock has to be waited for, choose the shortest step that it surely tells from none.
   */
  readonly clockStepMs?: number | undefined;
  /** Records vanish by themselves once their purge time has come. Default `false`. */
  readonly purgesByItself?: boolean | undefined;
  /** The longest key that the cache takes, in bytes of UTF-8. Default 1,024. */
  readonly maxKeyBytes?: number | undefined;
  /** Opens again what was opened, and closed, last. Required of a cache that outlives the process. */
  reopen?(): MaybePromise<CacheBackend>;
  /** Returns one more client of the cache opened last. Required of a shared cache. */
  connect?(): MaybePromise<CacheBackend>;
}

/** A law about caches. */
export type CacheLaw = Law<CacheHarness>;

/** Laws about caches, by what they state. */
export type CacheLaws = Laws<CacheHarness>;

/** A cache that has been made ready, and what is known about it. */
export interface Trial {
  readonly cache: CacheBackend;
  readonly capabilities: CacheCapabilities;
  readonly harness: CacheHarness;
}

/** A trial that can let time pass. */
export interface TimedTrial extends Trial {
  /** How many milliseconds a number of clock steps takes. */
  steps(count: number): number;
  /** Lets a number of clock steps pass. */
  pass(count: number): Promise<void>;
}

/** A key and what is stored under it. */
export type KeyedRecord = readonly [key: string, record: CacheRecord];

/** Records of laws that are not about purge times stay for an hour. */
export const FOR_LONG: InsertOptions = { purgeAfterMs: 3_600_000 };
export const MEBIBYTE: number = 2 ** 20;
const DEFAULT_STEP_MS = 1000;

/** Makes a law about a cache that is ready. */
export function lawOfReady(body: (trial: Trial) => Promise<void>): CacheLaw {
  return async (harness) => {
    const cache = await harness.open();
    await thenClose([cache], async () => {
      await body({ cache, capabilities: await cache.ready(), harness });
    });
  };
}

/** Makes a law about a cache that has not been made ready. */
export function lawOfUnopened(body: (cache: CacheBackend) => Promise<void>): CacheLaw {
  return async (harness) => {
    const cache = await harness.open();
    await thenClose([cache], () => body(cache));
  };
}

/** Makes a law about what time does. */
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

/** Makes a law about what is there after the cache has been closed and opened again. */
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

/** Makes a law about two clients of the same records. */
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

/** Closes caches whatever happens; what broke the law is reported rather than a failing close. */
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

/** Stores a record that was not there. */
export async function insert(
  cache: CacheBackend,
  [key, record]: KeyedRecord,
  options: InsertOptions = FOR_LONG,
): Promise<void> {
  assert.equal(await cache.insert(key, record, options), "inserted");
}

/** Returns the entry of a record that must be there. */
export async function read(cache: CacheBackend, key: string): Promise<CacheEntry> {
  const entry = await cache.get(key);
  assert(typeof entry === "object", `get answered ${entry} for a record that is there`);
  return entry;
}

/** Returns the revision of a record that must be there. */
export async function revisionOf(cache: CacheBackend, key: string): Promise<Revision> {
  const { revision } = await read(cache, key);
  return revision;
}

/** Asserts that a record is there, with exactly these bytes. */
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

/** Asserts that a call fails as unavailable. */
export async function assertUnavailable(name: string, call: () => unknown): Promise<void> {
  const isUnavailable = (error: unknown) => isVaultError(error, "ERR_VAULT_CACHE_UNAVAILABLE");
  await assert.rejects(
    async () => call(),
    isUnavailable,
    `${name} does not fail with CacheUnavailableError`,
  );
}

/** Asserts that bytes are the same, without printing a mebibyte of them when they are not. */
export function assertBytes(actual: unknown, expected: Uint8Array, name: string): void {
  assert(actual instanceof Uint8Array, `${name} is not a Uint8Array`);
  assert.equal(actual.length, expected.length, `${name} has another length`);
  assert.equal(Buffer.compare(actual, expected), 0, `${name} has other bytes`);
}

/** Runs `task` `count` times at the same time; a task that throws at once is a rejection too. */
export async function concurrently<T>(
  count: number,
  task: (index: number) => MaybePromise<T>,
): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, async (_, index) => task(index)));
}

/** Returns the pages of a scan; fails rather than going on for ever. */
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

/** Returns the distinct keys that a scan finds. */
export async function scannedKeys(cache: CacheBackend): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const page of pagesOf(cache)) {
    for (const { key } of page.entries) keys.add(key);
  }
  return keys;
}
