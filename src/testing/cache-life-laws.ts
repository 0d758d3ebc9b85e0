/** Laws about the life cycle of a cache: getting ready, closing, reopening and sharing. */
import assert from "node:assert/strict";
import type { CacheBackend } from "../vault/contracts.js";
import {
  assertAbsent,
  assertRecord,
  assertUnavailable,
  bytesOf,
  type CacheLaws,
  concurrently,
  FOR_LONG,
  insert,
  type KeyedRecord,
  lawOfClients,
  lawOfReady,
  lawOfReopened,
  lawOfUnopened,
  revisionOf,
  scannedKeys,
} from "./cache-harness.js";

const DURABILITIES: readonly unknown[] = ["none", "process", "os", "disk"];
const [HEAD, NEW, BODY] = [bytesOf("head"), bytesOf("new"), bytesOf("body")];
const RECORD: KeyedRecord = ["key", { head: HEAD, body: BODY }];

export const lifeLaws: CacheLaws = {
  "ready may be called again and promises the same": lawOfReady(async ({ cache, capabilities }) => {
    await insert(cache, RECORD);
    assert(DURABILITIES.includes(capabilities.durability), "durability is none of the four");
    assert.equal(typeof capabilities.evicts, "boolean");
    const results = await concurrently(3, () => cache.ready());
    for (const result of results) assert.deepEqual(result, capabilities);
    await assertRecord(cache, RECORD);
  }),

  "what a cache claims to be does not change, and can be tried": lawOfReady(
    async ({ cache, capabilities, harness }) => {
      const { shared, outlivesProcess } = cache;
      assert.equal(typeof shared, "boolean");
      assert.equal(typeof outlivesProcess, "boolean");
      const keepsWrites = capabilities.durability !== "none";
      assert(outlivesProcess || !keepsWrites, "what survives the process outlives it");
      assert(!outlivesProcess || harness.reopen !== undefined, "the harness must have reopen");
      assert(!shared || harness.connect !== undefined, "the harness must have connect");
      await cache.close();
      assert.deepEqual([cache.shared, cache.outlivesProcess], [shared, outlivesProcess]);
    },
  ),

  "close may be called twice": lawOfReady(async ({ cache }) => {
    await insert(cache, RECORD);
    await cache.close();
    await cache.close();
    await concurrently(3, () => cache.close());
  }),

  "a cache that was never ready may be closed twice": lawOfUnopened(async (cache) => {
    await cache.close();
    await cache.close();
  }),

  "a closed cache fails reads as unavailable and never answers a miss": lawOfReady(
    async ({ cache }) => {
      await insert(cache, RECORD);
      await cache.close();
      await assertClosed(cache);
    },
  ),

  "a closed cache refuses writes as unavailable": lawOfReady(async ({ cache }) => {
    await insert(cache, RECORD);
    const ifRevision = await revisionOf(cache, "key");
    await cache.close();
    await assertUnavailable("insert", () => cache.insert("new", { head: NEW }, FOR_LONG));
    await assertUnavailable("replace", () => cache.replace("key", NEW, { ifRevision }));
    await assertUnavailable("replace", () => cache.replace("key", undefined, { ifRevision }));
    await assertUnavailable("delete", () => cache.delete("key"));
  }),

  "a closed cache refuses to purge as unavailable": lawOfReady(async ({ cache }) => {
    await cache.close();
    await assertUnavailable("purgeExpired", () => cache.purgeExpired(1));
  }),

  "a closed cache does not become ready again": lawOfReady(async ({ cache }) => {
    await cache.close();
    await assertUnavailable("ready", () => cache.ready());
    await assertClosed(cache);
  }),

  "a cache that is closed while it becomes ready stays closed": lawOfUnopened(async (cache) => {
    const becoming = (async () => cache.ready())();
    await Promise.all([becoming.catch(() => undefined), cache.close()]);
    await assertClosed(cache);
  }),

  "records outlive the cache that wrote them": lawOfReopened({
    before: async (cache) => {
      await insert(cache, RECORD);
      await insert(cache, ["replaced", { head: HEAD, body: BODY }]);
      await cache.replace("replaced", NEW, { ifRevision: await revisionOf(cache, "replaced") });
      await insert(cache, ["deleted", { head: HEAD, body: BODY }]);
      await cache.delete("deleted");
    },
    after: async (cache) => {
      await assertRecord(cache, RECORD);
      await assertRecord(cache, ["replaced", { head: NEW, body: BODY }]);
      await assertAbsent(cache, "deleted");
      assert.deepEqual(await scannedKeys(cache), new Set(["key", "replaced"]));
      assert.equal(await cache.insert("key", { head: NEW }, FOR_LONG), "exists");
      const ifRevision = await revisionOf(cache, "key");
      assert.equal(await cache.replace("key", NEW, { ifRevision }), "replaced");
      assert.equal(await cache.replace("key", HEAD, { ifRevision }), "conflict");
    },
  }),

  "what one client writes every client reads": lawOfClients(async (one, other) => {
    await insert(one, RECORD);
    await assertRecord(other, RECORD);
    assert.equal(await other.insert("key", { head: NEW }, FOR_LONG), "exists");
    const ifRevision = await revisionOf(one, "key");
    assert.equal(await revisionOf(other, "key"), ifRevision);
    assert.equal(await other.replace("key", NEW, { ifRevision, dropBody: true }), "replaced");
    await assertRecord(one, ["key", { head: NEW }]);
    assert.equal(await one.replace("key", HEAD, { ifRevision }), "conflict");
    assert.equal(await one.delete("key"), true);
    await assertAbsent(other, "key");
  }),

  "of concurrent replaces by several clients exactly one wins": lawOfClients(async (one, other) => {
    await insert(one, RECORD);
    for (let round = 0; round < 5; round++) {
      const ifRevision = await revisionOf(one, "key");
      const outcomes = await concurrently(16, (index) =>
        (index % 2 === 0 ? one : other).replace("key", bytesOf(`${round} ${index}`), {
          ifRevision,
        }),
      );
      assert.equal(outcomes.filter((outcome) => outcome === "replaced").length, 1);
      const head = bytesOf(`${round} ${outcomes.indexOf("replaced")}`);
      for (const cache of [one, other]) await assertRecord(cache, ["key", { head, body: BODY }]);
    }
  }),

  "a client that closes leaves the others their records": lawOfClients(async (one, other) => {
    await insert(one, RECORD);
    await one.close();
    await assertRecord(other, RECORD);
    await assertClosed(one);
  }),
};

/** Asserts that a closed cache fails all reads: a result would be mistaken for a miss. */
async function assertClosed(cache: CacheBackend): Promise<void> {
  await assertUnavailable("get", () => cache.get("key"));
  await assertUnavailable("get", () => cache.get("missing"));
  await assertUnavailable("getBody", () => cache.getBody("key"));
  await assertUnavailable("scan", () => cache.scan());
}
