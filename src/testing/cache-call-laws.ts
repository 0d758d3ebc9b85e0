/** Laws about calls: a cancelled call has no effect, and concurrent calls do not interfere. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { setImmediate as nextTurn } from "node:timers/promises";
import { isVaultError } from "../vault/errors.js";
import {
  assertAbsent,
  assertRecord,
  assertUnavailable,
  bytesOf,
  type CacheLaws,
  FOR_LONG,
  insert,
  type KeyedRecord,
  lawOfReady,
  revisionOf,
} from "./cache-harness.js";

const [HEAD, NEW, BODY] = [bytesOf("head"), bytesOf("new"), bytesOf("body")];
const RECORD: KeyedRecord = ["key", { head: HEAD, body: BODY }];
const MANY = 64;

export const callLaws: CacheLaws = {
  "a call that was given up before it began fails as unavailable and changes nothing": lawOfReady(
    async ({ cache }) => {
      await insert(cache, RECORD);
      const ifRevision = await revisionOf(cache, "key");
      const signal = AbortSignal.abort();
      const options = { ifRevision, signal };
      await assertUnavailable("insert", () =>
        cache.insert("new", { head: NEW }, { ...FOR_LONG, signal }),
      );
      await assertUnavailable("replace", () => cache.replace("key", NEW, options));
      await assertUnavailable("replace", () => cache.replace("key", undefined, options));
      await assertUnavailable("delete", () => cache.delete("key", { signal }));
      await assertUnavailable("get", () => cache.get("key", { signal }));
      await assertUnavailable("get", () => cache.get("missing", { signal }));
      await assertUnavailable("getBody", () => cache.getBody("key", { signal }));
      await assertUnavailable("scan", () => cache.scan(undefined, { signal }));
      await assertUnavailable("purgeExpired", () => cache.purgeExpired(1, { signal }));
      await assertRecord(cache, RECORD);
      await assertAbsent(cache, "new");
      assert.equal(await revisionOf(cache, "key"), ifRevision);
    },
  ),

  "a call that is given up while it is under way ends, one way or the other": lawOfReady(
    async ({ cache }) => {
      const controller = new AbortController();
      const call = { ...FOR_LONG, signal: controller.signal };
      const inserting = (async () => cache.insert("key", { head: HEAD }, call))();
      controller.abort();
      const outcome = await inserting.catch((error: unknown) => error);
      const isThere = (await cache.get("key")) !== undefined;
      if (outcome === "inserted") assert(isThere, "what was inserted is not there");
      else if (isVaultError(outcome, "ERR_VAULT_CACHE_UNAVAILABLE")) assert(!isThere);
      else assert(isVaultError(outcome, "ERR_VAULT_OUTCOME_UNKNOWN"), "another answer or error");
    },
  ),

  "the caller may reuse the buffer of a head once a write was given up": lawOfReady(
    async ({ cache }) => {
      for (let turns = 0; turns < 4; turns++) {
        const key = `given up after ${turns}`;
        const controller = new AbortController();
        const head = Buffer.from(HEAD);
        const call = { ...FOR_LONG, signal: controller.signal };
        const inserting = (async () => cache.insert(key, { head }, call))();
        for (let turn = 0; turn < turns; turn++) await nextTurn();
        controller.abort();
        await inserting.catch(() => undefined);
        head.fill(0);
        await nextTurn();
        await insert(cache, [`after ${turns}`, { head: NEW }]);
        if ((await cache.get(key)) !== undefined) await assertRecord(cache, [key, { head: HEAD }]);
      }
    },
  ),

  "of many writes at the same moment each does what its answer says": lawOfReady(
    async ({ cache }) => {
      const keyOf = (kind: string, index: number) => `${kind} ${index}`;
      const indexes = Array.from({ length: MANY }, (_, index) => index);
      const kinds = ["replaced", "kept", "ended", "deleted", "taken"];
      for (const kind of kinds) {
        await Promise.all(
          indexes.map((index) => insert(cache, [keyOf(kind, index), { head: HEAD }])),
        );
      }
      const states = await Promise.all(
        indexes.map(async (index) => ({
          replaced: await revisionOf(cache, keyOf("replaced", index)),
          ended: await revisionOf(cache, keyOf("ended", index)),
        })),
      );
      const results = await Promise.all(
        states.map(async ({ replaced, ended }, index) =>
          Promise.all([
            cache.insert(keyOf("new", index), { head: bytesOf(`${index}`), body: BODY }, FOR_LONG),
            cache.insert(keyOf("taken", index), { head: NEW }, FOR_LONG),
            cache.replace(keyOf("replaced", index), bytesOf(`${index}`), { ifRevision: replaced }),
            cache.replace(keyOf("kept", index), NEW, { ifRevision: -1 }),
            cache.replace(keyOf("ended", index), undefined, { ifRevision: ended }),
            cache.replace(keyOf("missing", index), NEW, { ifRevision: replaced }),
            cache.delete(keyOf("deleted", index)),
            cache.delete(keyOf("missing", index)),
          ]),
        ),
      );
      const expected = [
        "inserted",
        "exists",
        "replaced",
        "conflict",
        "replaced",
        "absent",
        true,
        false,
      ];
      for (const [index, result] of results.entries()) {
        assert.deepEqual(result, expected);
        await assertRecord(cache, [keyOf("new", index), { head: bytesOf(`${index}`), body: BODY }]);
        await assertRecord(cache, [keyOf("taken", index), { head: HEAD }]);
        await assertRecord(cache, [keyOf("replaced", index), { head: bytesOf(`${index}`) }]);
        await assertRecord(cache, [keyOf("kept", index), { head: HEAD }]);
        for (const kind of ["ended", "deleted", "missing"]) {
          await assertAbsent(cache, keyOf(kind, index));
        }
      }
    },
  ),
};
