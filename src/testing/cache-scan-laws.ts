/** Laws about scans: a scan misses no record, even during concurrent writes. */
import assert from "node:assert/strict";
import type { CacheBackend } from "../vault/contracts.js";
import {
  assertBytes,
  assertRecord,
  bytesOf,
  type CacheLaws,
  concurrently,
  insert,
  lawOfReady,
  pagesOf,
  read,
  revisionOf,
  scannedKeys,
} from "./cache-harness.js";

/** The number of records: more than two pages of any sensible size. */
const MANY = 2500;
const BATCH = 100;
/** The writers stop after this many pages: otherwise a scan with small pages might never end. */
const BUSY_PAGES = 20;

export const scanLaws: CacheLaws = {
  "an empty cache scans to an empty page without a cursor": lawOfReady(async ({ cache }) => {
    const assertEmpty = async () => {
      const { entries, cursor } = await cache.scan();
      assert.equal(entries.length, 0);
      assert.equal(cursor, undefined);
    };
    await assertEmpty();
    await insert(cache, ["gone", { head: bytesOf("gone") }]);
    await cache.delete("gone");
    await assertEmpty();
  }),

  "a scan returns every record at least once": lawOfReady(async ({ cache }) => {
    const keys = await insertMany(cache);
    assert.deepEqual(await scannedKeys(cache), new Set(keys));
  }),

  "a scan misses no record while others are inserted, replaced and deleted": lawOfReady(
    async ({ cache }) => {
      const keys = await insertMany(cache);
      const seen = new Set<string>();
      const pages = pagesOf(cache);
      for (let turn = 0; ; turn++) {
        const writing = turn < BUSY_PAGES ? churn(cache, turn) : undefined;
        const [page] = await Promise.all([pages.next(), writing]);
        if (page.done === true) break;
        for (const { key } of page.value.entries) seen.add(key);
      }
      const missed = keys.filter((key, index) => fateOf(index) !== "deleted" && !seen.has(key));
      assert.deepEqual(missed, []);
    },
  ),

  "a scan returns nothing that was deleted before it began": lawOfReady(async ({ cache }) => {
    const keys = await insertMany(cache);
    const isKept = (_: string, index: number) => index % 3 === 0;
    const deleted = keys.filter((key, index) => !isKept(key, index));
    for (let start = 0; start < deleted.length; start += BATCH) {
      const batch = deleted.slice(start, start + BATCH);
      await Promise.all(batch.map(async (key) => cache.delete(key)));
    }
    assert.deepEqual(await scannedKeys(cache), new Set(keys.filter(isKept)));
  }),

  "what a scan returns is the state that a get returns, and can be replaced": lawOfReady(
    async ({ cache }) => {
      const keys = ["first", "second", "third"];
      for (const key of keys) {
        await insert(cache, [key, { head: bytesOf(key), body: bytesOf("body") }]);
      }
      const rewritten = bytesOf("rewritten");
      const ifRevision = await revisionOf(cache, "second");
      await cache.replace("second", rewritten, { ifRevision });
      for await (const { entries } of pagesOf(cache)) {
        for (const { key, head, revision } of entries) {
          const entry = await read(cache, key);
          assertBytes(head, entry.head, "the scanned head");
          assertBytes(head, key === "second" ? rewritten : bytesOf(key), "the scanned head");
          assert.equal(revision, entry.revision);
          const next = bytesOf(`${key}, seen`);
          assert.equal(await cache.replace(key, next, { ifRevision: revision }), "replaced");
        }
      }
      for (const key of keys) {
        await assertRecord(cache, [key, { head: bytesOf(`${key}, seen`), body: bytesOf("body") }]);
      }
    },
  ),
};

async function insertMany(cache: CacheBackend): Promise<readonly string[]> {
  const keys = Array.from({ length: MANY }, (_, index) => keyOf(index));
  for (let start = 0; start < MANY; start += BATCH) {
    await concurrently(BATCH, (index) => {
      const key = keyOf(start + index);
      return insert(cache, [key, { head: bytesOf(key) }]);
    });
  }
  return keys;
}

function keyOf(index: number): string {
  return `record ${index}`;
}

/** A write during a scan. */
function fateOf(index: number): "deleted" | "replaced" | "untouched" {
  if (index % 25 === 0) return "deleted";
  return index % 25 === 1 ? "replaced" : "untouched";
}

/** Writes at keys before and after the current position of a scan. */
async function churn(cache: CacheBackend, turn: number): Promise<void> {
  await concurrently(MANY / 25, async (place) => {
    if (place % BUSY_PAGES === turn % BUSY_PAGES) await cache.delete(keyOf(25 * place));
    if (place % 2 === turn % 2) await replaceAnyhow(cache, keyOf(25 * place + 1));
    if (place < 5) {
      await insert(cache, [`new ${turn} ${place}`, { head: bytesOf("new") }]);
    }
  });
}

async function replaceAnyhow(cache: CacheBackend, key: string): Promise<void> {
  const ifRevision = await revisionOf(cache, key);
  const outcome = await cache.replace(key, bytesOf("replaced"), { ifRevision });
  assert.equal(outcome, "replaced");
}
