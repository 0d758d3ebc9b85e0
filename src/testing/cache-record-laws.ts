/** Laws about records: a cache returns exactly the stored records. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  assertAbsent,
  assertBytes,
  assertRecord,
  bytesOf,
  type CacheLaws,
  concurrently,
  FOR_LONG,
  insert,
  type KeyedRecord,
  lawOfReady,
  MEBIBYTE,
  read,
  revisionOf,
} from "./cache-harness.js";

const EVERY_BYTE: Buffer = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
const REVERSED: Buffer = Buffer.from(EVERY_BYTE).reverse();

export const recordLaws: CacheLaws = {
  "a record reads back byte for byte": lawOfReady(async ({ cache }) => {
    const records: readonly KeyedRecord[] = [
      ["head", { head: EVERY_BYTE }],
      ["head and body", { head: EVERY_BYTE, body: REVERSED }],
      ["empty head", { head: new Uint8Array(0) }],
      ["empty head and body", { head: new Uint8Array(0), body: EVERY_BYTE }],
      ["not text", { head: Uint8Array.of(0xff, 0xfe, 0, 0x80), body: Uint8Array.of(0) }],
    ];
    for (const record of records) await insert(cache, record);
    for (const record of records) await assertRecord(cache, record);
  }),

  "a body of a mebibyte reads back byte for byte": lawOfReady(async ({ cache }) => {
    const record: KeyedRecord = ["large", { head: EVERY_BYTE, body: patterned(MEBIBYTE) }];
    await insert(cache, record);
    await assertRecord(cache, record);
  }),

  "a view into a larger buffer is stored as what it shows": lawOfReady(async ({ cache }) => {
    const [head, body] = [EVERY_BYTE.subarray(16, 32), patterned(10_000).subarray(1, 9000)];
    await insert(cache, ["view", { head, body }]);
    await assertRecord(cache, ["view", { head, body }]);
    const options = { ifRevision: await revisionOf(cache, "view") };
    await cache.replace(
      "view",
      new Uint8Array(EVERY_BYTE.buffer, EVERY_BYTE.byteOffset + 7, 9),
      options,
    );
    await assertRecord(cache, ["view", { head: EVERY_BYTE.subarray(7, 16), body }]);
  }),

  "hasBody is true exactly when there is a body": lawOfReady(async ({ cache }) => {
    const [head, body] = [bytesOf("head"), bytesOf("body")];
    await insert(cache, ["with", { head, body }]);
    await insert(cache, ["without", { head }]);
    await insert(cache, ["undefined", { head, body: undefined }]);
    assert.equal((await read(cache, "with")).hasBody, true);
    assert.equal((await read(cache, "without")).hasBody, false);
    assert.equal((await read(cache, "undefined")).hasBody, false);
  }),

  "a missing key is undefined and not an error": lawOfReady(async ({ cache }) => {
    await assertAbsent(cache, "missing");
    await insert(cache, ["other", { head: EVERY_BYTE }]);
    await assertAbsent(cache, "missing");
    assert.equal(await cache.getBody("other"), undefined);
  }),

  "an insert never overwrites": lawOfReady(async ({ cache }) => {
    const bare: KeyedRecord = ["bare", { head: bytesOf("first") }];
    const whole: KeyedRecord = ["whole", { head: bytesOf("first"), body: bytesOf("body") }];
    for (const record of [bare, whole]) await insert(cache, record);
    const revision = await revisionOf(cache, "bare");
    const second = { head: bytesOf("second"), body: bytesOf("another body") };
    assert.equal(await cache.insert("bare", second, FOR_LONG), "exists");
    assert.equal(await cache.insert("whole", { head: second.head }, FOR_LONG), "exists");
    for (const record of [bare, whole]) await assertRecord(cache, record);
    assert.equal(await revisionOf(cache, "bare"), revision);
  }),

  "of concurrent inserts of one key exactly one succeeds": lawOfReady(async ({ cache }) => {
    const record = (index: number) => ({ head: bytesOf(`${index}`), body: bytesOf(`${index}`) });
    const outcomes = await concurrently(16, (index) =>
      cache.insert("contested", record(index), FOR_LONG),
    );
    assert.equal(outcomes.filter((outcome) => outcome === "inserted").length, 1);
    await assertRecord(cache, ["contested", record(outcomes.indexOf("inserted"))]);
  }),

  "the caller may reuse the buffer of a head once a write has settled": lawOfReady(
    async ({ cache }) => {
      const first = Buffer.from(EVERY_BYTE);
      await insert(cache, ["reused", { head: first, body: REVERSED }]);
      first.fill(0);
      await assertRecord(cache, ["reused", { head: EVERY_BYTE, body: REVERSED }]);
      const second = Buffer.from(REVERSED);
      await cache.replace("reused", second, { ifRevision: await revisionOf(cache, "reused") });
      second.fill(0);
      await assertRecord(cache, ["reused", { head: REVERSED, body: REVERSED }]);
    },
  ),

  "a body that was handed over is not changed": lawOfReady(async ({ cache }) => {
    const body = Buffer.from(REVERSED);
    for (const dropBody of [false, true]) {
      await insert(cache, ["handed over", { head: EVERY_BYTE, body }]);
      const ifRevision = await revisionOf(cache, "handed over");
      await cache.replace("handed over", REVERSED, { ifRevision, dropBody });
      await cache.delete("handed over");
      assertBytes(body, REVERSED, "the body");
    }
  }),

  "what was returned stays the same when the cache changes": lawOfReady(async ({ cache }) => {
    await insert(cache, ["held", { head: EVERY_BYTE, body: REVERSED }]);
    const { head, revision } = await read(cache, "held");
    const body = await cache.getBody("held");
    const page = await cache.scan();
    await cache.replace("held", Buffer.alloc(256, 1), { ifRevision: revision, dropBody: true });
    await cache.delete("held");
    await insert(cache, ["held", { head: Buffer.alloc(256, 2), body: Buffer.alloc(256, 3) }]);
    await assertRecord(cache, ["held", { head: Buffer.alloc(256, 2), body: Buffer.alloc(256, 3) }]);
    await cache.scan();
    assertBytes(head, EVERY_BYTE, "the head");
    assertBytes(body, REVERSED, "the body");
    assertBytes(page.entries[0]?.head, EVERY_BYTE, "the scanned head");
  }),

  "a record stays as it is, however much comes and goes around it": lawOfReady(
    async ({ cache }) => {
      const kept = (index: number): KeyedRecord => [
        `kept ${index}`,
        { head: Buffer.alloc(200, index), body: index % 2 === 0 ? EVERY_BYTE : undefined },
      ];
      for (let round = 0; round < 30; round++) {
        await insert(cache, kept(round));
        await concurrently(50, async (index) => {
          const key = `passing ${round} ${index}`;
          await insert(cache, [key, { head: Buffer.alloc(1024, index) }]);
          await cache.delete(key);
        });
      }
      for (let round = 0; round < 30; round++) await assertRecord(cache, kept(round));
    },
  ),

  "a delete removes head and body and says whether there was a record": lawOfReady(
    async ({ cache }) => {
      for (const key of ["kept", "gone"]) {
        await insert(cache, [key, { head: bytesOf(key), body: EVERY_BYTE }]);
      }
      assert.equal(await cache.delete("gone"), true);
      await assertAbsent(cache, "gone");
      assert.equal(await cache.delete("gone"), false);
      assert.equal(await cache.delete("missing"), false);
      await assertRecord(cache, ["kept", { head: bytesOf("kept"), body: EVERY_BYTE }]);
    },
  ),

  "of concurrent deletes exactly one finds the record": lawOfReady(async ({ cache }) => {
    await insert(cache, ["contested", { head: EVERY_BYTE, body: EVERY_BYTE }]);
    const found = await concurrently(16, () => cache.delete("contested"));
    assert.equal(found.filter(Boolean).length, 1);
    await assertAbsent(cache, "contested");
  }),

  "a deleted key is free, and nothing of its old record returns": lawOfReady(async ({ cache }) => {
    await insert(cache, ["reborn", { head: EVERY_BYTE, body: EVERY_BYTE }]);
    const ifRevision = await revisionOf(cache, "reborn");
    await cache.delete("reborn");
    await insert(cache, ["reborn", { head: EVERY_BYTE }]);
    await assertRecord(cache, ["reborn", { head: EVERY_BYTE }]);
    assert.notEqual(await revisionOf(cache, "reborn"), ifRevision);
    assert.equal(await cache.replace("reborn", REVERSED, { ifRevision }), "conflict");
    await assertRecord(cache, ["reborn", { head: EVERY_BYTE }]);
  }),
};

/** Returns bytes whose pattern has no period that is a power of two. */
function patterned(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let index = 0; index < length; index++) bytes[index] = index % 251;
  return bytes;
}
