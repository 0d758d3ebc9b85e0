/** Laws about purge times: due records are removed, all others stay. */
import assert from "node:assert/strict";
import type { CacheBackend } from "../vault/contracts.js";
import {
  assertAbsent,
  assertRecord,
  bytesOf,
  type CacheLaws,
  insert,
  type KeyedRecord,
  lawOfTime,
  revisionOf,
  type TimedTrial,
} from "./cache-harness.js";

const [HEAD, NEW, BODY] = [bytesOf("head"), bytesOf("new"), bytesOf("body")];
const ALL = 1000;

export const purgeLaws: CacheLaws = {
  "a record is returned after its purge time until it is purged": lawOfTime(async (trial) => {
    const { cache, harness } = trial;
    const record: KeyedRecord = ["overdue", { head: HEAD, body: BODY }];
    await insert(cache, record, { purgeAfterMs: trial.steps(1) });
    await trial.pass(2);
    if (harness.purgesByItself !== true) await assertRecord(cache, record);
    await cache.purgeExpired(ALL);
    await assertAbsent(cache, "overdue");
  }),

  "a purge removes what is due, head and body, and nothing else": lawOfTime(async (trial) => {
    const { cache } = trial;
    await insertFor(trial, 1, ["due 1", "due 2", "due 3"]);
    await insertFor(trial, 4, ["later 1", "later 2"]);
    assert.equal(await cache.purgeExpired(ALL), 0);
    await trial.pass(2);
    await assertPurged(trial, 3);
    for (const key of ["due 1", "due 2", "due 3"]) await assertAbsent(cache, key);
    await assertKept(cache, ["later 1", "later 2"]);
    await trial.pass(3);
    await assertPurged(trial, 2);
    for (const key of ["later 1", "later 2"]) await assertAbsent(cache, key);
  }),

  "a purge removes as many as are due, up to its limit, and says how many": lawOfTime(
    async (trial) => {
      const { cache, harness } = trial;
      const keys = Array.from({ length: 10 }, (_, index) => `due ${index}`);
      await insertFor(trial, 1, keys);
      await insertFor(trial, 9, ["later"]);
      await trial.pass(2);
      if (harness.purgesByItself !== true) {
        assert.equal(await cache.purgeExpired(4), 4);
        assert.equal(await countPresent(cache, keys), 6);
        assert.equal(await cache.purgeExpired(6), 6);
      }
      assert.equal(await cache.purgeExpired(ALL), 0);
      assert.equal(await countPresent(cache, keys), 0);
      await assertKept(cache, ["later"]);
    },
  ),

  "what was purged is not purged again": lawOfTime(async (trial) => {
    await insertFor(trial, 1, ["due 1", "due 2"]);
    await trial.pass(2);
    await assertPurged(trial, 2);
    await trial.pass(1);
    await assertPurged(trial, 0);
  }),

  "what was deleted is not purged": lawOfTime(async (trial) => {
    const { cache } = trial;
    await insertFor(trial, 1, ["deleted", "replaced by nothing"]);
    await cache.delete("deleted");
    const ifRevision = await revisionOf(cache, "replaced by nothing");
    await cache.replace("replaced by nothing", undefined, { ifRevision });
    await trial.pass(2);
    await assertPurged(trial, 0);
  }),

  "a renewed record outlives its first purge time": lawOfTime(async (trial) => {
    const { cache } = trial;
    await insertFor(trial, 1, ["renewed"]);
    await rewrite(trial, "renewed", 5);
    await trial.pass(3);
    await assertPurged(trial, 0);
    await assertRecord(cache, ["renewed", { head: NEW, body: BODY }]);
    await trial.pass(3);
    await assertPurged(trial, 1);
  }),

  "a purge time that was brought forward counts": lawOfTime(async (trial) => {
    await insertFor(trial, 9, ["hastened", "not hastened"]);
    await rewrite(trial, "hastened", 1);
    await trial.pass(2);
    await assertPurged(trial, 1);
    await assertAbsent(trial.cache, "hastened");
    await assertKept(trial.cache, ["not hastened"]);
  }),

  "a replace without a purge time keeps the one there is": lawOfTime(async (trial) => {
    const { cache } = trial;
    await insertFor(trial, 4, ["rewritten"]);
    await trial.pass(2);
    await rewrite(trial, "rewritten", undefined);
    await assertPurged(trial, 0);
    await assertRecord(cache, ["rewritten", { head: NEW, body: BODY }]);
    await trial.pass(3);
    await assertPurged(trial, 1);
    await assertAbsent(cache, "rewritten");
  }),

  "a replace that conflicts leaves the purge time alone": lawOfTime(async (trial) => {
    const { cache } = trial;
    await insertFor(trial, 3, ["firm"]);
    const ifRevision = await revisionOf(cache, "firm");
    await rewrite(trial, "firm", undefined);
    for (const count of [1, 9]) {
      const options = { ifRevision, purgeAfterMs: trial.steps(count) };
      assert.equal(await cache.replace("firm", HEAD, options), "conflict");
    }
    await trial.pass(2);
    await assertPurged(trial, 0);
    await trial.pass(2);
    await assertPurged(trial, 1);
  }),

  "an insert that was refused leaves the purge time alone": lawOfTime(async (trial) => {
    const { cache } = trial;
    await insertFor(trial, 3, ["firm"]);
    for (const count of [1, 9]) {
      const options = { purgeAfterMs: trial.steps(count) };
      assert.equal(await cache.insert("firm", { head: NEW }, options), "exists");
    }
    await trial.pass(2);
    await assertPurged(trial, 0);
    await trial.pass(2);
    await assertPurged(trial, 1);
  }),

  "a record under a freed key has a purge time of its own": lawOfTime(async (trial) => {
    const { cache } = trial;
    await insertFor(trial, 1, ["freed"]);
    await cache.delete("freed");
    await insertFor(trial, 4, ["freed"]);
    await trial.pass(2);
    await assertPurged(trial, 0);
    await assertKept(cache, ["freed"]);
    await trial.pass(3);
    await assertPurged(trial, 1);
  }),

  "a purged key is free, and nothing of its old record returns": lawOfTime(async (trial) => {
    const { cache } = trial;
    await insertFor(trial, 1, ["reborn"]);
    const ifRevision = await revisionOf(cache, "reborn");
    await trial.pass(2);
    await cache.purgeExpired(ALL);
    await insert(cache, ["reborn", { head: HEAD }], { purgeAfterMs: trial.steps(9) });
    assert.notEqual(await revisionOf(cache, "reborn"), ifRevision);
    assert.equal(await cache.replace("reborn", NEW, { ifRevision }), "conflict");
    await assertRecord(cache, ["reborn", { head: HEAD }]);
    await assertPurged(trial, 0);
  }),
};

async function insertFor(trial: TimedTrial, count: number, keys: readonly string[]): Promise<void> {
  const options = { purgeAfterMs: trial.steps(count) };
  for (const key of keys) await insert(trial.cache, [key, { head: HEAD, body: BODY }], options);
}

/** Replaces a head, with a purge time `count` steps from now if `count` is given. */
async function rewrite(trial: TimedTrial, key: string, count: number | undefined): Promise<void> {
  const ifRevision = await revisionOf(trial.cache, key);
  const purgeAfterMs = count === undefined ? undefined : trial.steps(count);
  assert.equal(await trial.cache.replace(key, NEW, { ifRevision, purgeAfterMs }), "replaced");
}

/** Purges, and asserts the number of removed records. A cache may have removed some without the call. */
async function assertPurged({ cache, harness }: TimedTrial, count: number): Promise<void> {
  const purged = await cache.purgeExpired(ALL);
  if (harness.purgesByItself === true) assert(purged <= count, "more was purged than was due");
  else assert.equal(purged, count, "another number was purged than was due");
}

async function assertKept(cache: CacheBackend, keys: readonly string[]): Promise<void> {
  for (const key of keys) await assertRecord(cache, [key, { head: HEAD, body: BODY }]);
}

async function countPresent(cache: CacheBackend, keys: readonly string[]): Promise<number> {
  let count = 0;
  for (const key of keys) {
    if ((await cache.get(key)) !== undefined) count += 1;
  }
  return count;
}
