/** Laws about revisions: a conditional write changes the named state or nothing. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Revision } from "../vault/contracts.js";
import {
  assertAbsent,
  assertRecord,
  bytesOf,
  type CacheLaws,
  concurrently,
  insert,
  lawOfReady,
  read,
  revisionOf,
} from "./cache-harness.js";

const [OLD, NEW, BODY] = [bytesOf("old"), bytesOf("new"), bytesOf("body")];

/** Revisions that no cache assigns to a record that was written once. */
const NEVER_GIVEN: readonly Revision[] = [
  ...["", "garbage", "undefined", "*", "0 OR 1", "\u0000", "9".repeat(400), "-1", "é"],
  ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1e300, Number.MAX_SAFE_INTEGER],
];

export const revisionLaws: CacheLaws = {
  "a revision is new with every write, and the same until the next": lawOfReady(
    async ({ cache }) => {
      await insert(cache, ["written", { head: OLD, body: BODY }]);
      await insert(cache, ["other", { head: OLD }]);
      const seen = new Set<Revision>();
      for (let write = 0; write < 20; write++) {
        const ifRevision = await revisionOf(cache, "written");
        assert(typeof ifRevision === "string" || typeof ifRevision === "number");
        assert(!seen.has(ifRevision), "a revision came up again");
        seen.add(ifRevision);
        await cache.replace("other", NEW, { ifRevision: await revisionOf(cache, "other") });
        await cache.getBody("written");
        assert.equal(await revisionOf(cache, "written"), ifRevision);
        assert.equal(await cache.replace("written", OLD, { ifRevision }), "replaced");
      }
    },
  ),

  "a replace of the current state changes the head and keeps the body": lawOfReady(
    async ({ cache }) => {
      await insert(cache, ["whole", { head: OLD, body: BODY }]);
      await insert(cache, ["bare", { head: OLD }]);
      for (const head of [NEW, Buffer.alloc(5000, 7), Buffer.alloc(0), OLD]) {
        for (const [key, body] of [["whole", BODY] as const, ["bare", undefined] as const]) {
          const ifRevision = await revisionOf(cache, key);
          assert.equal(await cache.replace(key, head, { ifRevision }), "replaced");
          await assertRecord(cache, [key, { head, body }]);
        }
      }
    },
  ),

  "a replace of an older state conflicts and changes nothing": lawOfReady(async ({ cache }) => {
    await insert(cache, ["moved", { head: OLD, body: BODY }]);
    const ifRevision = await revisionOf(cache, "moved");
    assert.equal(await cache.replace("moved", NEW, { ifRevision }), "replaced");
    const current = await revisionOf(cache, "moved");
    assert.equal(await cache.replace("moved", OLD, { ifRevision }), "conflict");
    assert.equal(await cache.replace("moved", OLD, { ifRevision, dropBody: true }), "conflict");
    assert.equal(await cache.replace("moved", undefined, { ifRevision }), "conflict");
    await assertRecord(cache, ["moved", { head: NEW, body: BODY }]);
    assert.equal(await revisionOf(cache, "moved"), current);
  }),

  "a replace of a state that never was conflicts and changes nothing": lawOfReady(
    async ({ cache }) => {
      await insert(cache, ["firm", { head: OLD, body: BODY }]);
      for (const ifRevision of NEVER_GIVEN) {
        assert.equal(await cache.replace("firm", NEW, { ifRevision }), "conflict");
        assert.equal(await cache.replace("firm", undefined, { ifRevision }), "conflict");
      }
      await assertRecord(cache, ["firm", { head: OLD, body: BODY }]);
    },
  ),

  "a replace of a missing record is answered absent and stores nothing": lawOfReady(
    async ({ cache }) => {
      await insert(cache, ["other", { head: OLD }]);
      const revisions = [...NEVER_GIVEN, await revisionOf(cache, "other")];
      for (const ifRevision of revisions) {
        assert.equal(await cache.replace("missing", NEW, { ifRevision }), "absent");
        assert.equal(await cache.replace("missing", undefined, { ifRevision }), "absent");
      }
      await assertAbsent(cache, "missing");
    },
  ),

  "dropBody removes the body with the same write": lawOfReady(async ({ cache }) => {
    for (const [key, body] of [["whole", BODY] as const, ["bare", undefined] as const]) {
      await insert(cache, [key, { head: OLD, body }]);
      const ifRevision = await revisionOf(cache, key);
      assert.equal(await cache.replace(key, NEW, { ifRevision, dropBody: true }), "replaced");
      await assertRecord(cache, [key, { head: NEW }]);
    }
    const ifRevision = await revisionOf(cache, "whole");
    assert.equal(await cache.replace("whole", OLD, { ifRevision }), "replaced");
    await assertRecord(cache, ["whole", { head: OLD }]);
  }),

  "a replace by nothing deletes exactly the state it names": lawOfReady(async ({ cache }) => {
    await insert(cache, ["ended", { head: OLD, body: BODY }]);
    const older = await revisionOf(cache, "ended");
    await cache.replace("ended", NEW, { ifRevision: older });
    assert.equal(await cache.replace("ended", undefined, { ifRevision: older }), "conflict");
    await assertRecord(cache, ["ended", { head: NEW, body: BODY }]);
    const { revision } = await read(cache, "ended");
    assert.equal(await cache.replace("ended", undefined, { ifRevision: revision }), "replaced");
    await assertAbsent(cache, "ended");
    assert.equal(await cache.replace("ended", undefined, { ifRevision: revision }), "absent");
  }),

  "of concurrent replaces of one state exactly one wins": lawOfReady(async ({ cache }) => {
    await insert(cache, ["contested", { head: OLD, body: BODY }]);
    for (let round = 0; round < 5; round++) {
      const ifRevision = await revisionOf(cache, "contested");
      const head = (index: number) => bytesOf(`round ${round}, writer ${index}`);
      const outcomes = await concurrently(16, (index) =>
        cache.replace("contested", head(index), { ifRevision }),
      );
      assert.equal(outcomes.filter((outcome) => outcome === "replaced").length, 1);
      assert.equal(outcomes.filter((outcome) => outcome === "conflict").length, 15);
      const winner = head(outcomes.indexOf("replaced"));
      await assertRecord(cache, ["contested", { head: winner, body: BODY }]);
    }
  }),

  "of a concurrent replace and deletion of one state exactly one wins": lawOfReady(
    async ({ cache }) => {
      await insert(cache, ["contested", { head: OLD, body: BODY }]);
      const ifRevision = await revisionOf(cache, "contested");
      const outcomes = await concurrently(16, (index) =>
        cache.replace("contested", index % 2 === 0 ? undefined : NEW, { ifRevision }),
      );
      assert.equal(outcomes.filter((outcome) => outcome === "replaced").length, 1);
      const isDeleted = outcomes.indexOf("replaced") % 2 === 0;
      if (isDeleted) await assertAbsent(cache, "contested");
      else await assertRecord(cache, ["contested", { head: NEW, body: BODY }]);
    },
  ),
};
