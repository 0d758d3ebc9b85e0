/** Laws about keys: every string is a key, and different strings are different keys. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { CacheBackend } from "../vault/contracts.js";
import {
  assertAbsent,
  assertRecord,
  bytesOf,
  type CacheLaws,
  insert,
  lawOfReady,
  read,
  scannedKeys,
} from "./cache-harness.js";

const DEFAULT_MAX_KEY_BYTES = 1024;

/** Keys with special characters of query, pattern, path, template and header languages. */
const SPECIAL: readonly string[] = [
  ..."* ? [k] [^k] [!-~] \\ \\* % _ {k} {} {k}1 : :: / .. ../k . $ # & = + - -- ; , | ~ ^ ( ) < >".split(
    " ",
  ),
  ...["' OR '1'='1", '"', "`", "%s", "%00", "k\u0000", "\u0000", "\r\n", "\t", " ", "k ", " k"],
  ...["__proto__", "constructor", "toString", "undefined", "null", "0", "-0", "00", "1e3", "NaN"],
  ...["clé", "ключ", "鍵", "مفتاح", "🗝️", "\u{10ffff}", "\u200b", "\ufeff", "\uffff"],
];

/** Keys that a faulty cache could confuse with their neighbours in this list. */
const ALIKE: readonly string[] = [
  ...["k", "kk", "k:", "k:head", "k:body", "k:1", "k/", "k*", "k.", "k\u0001", "k\uffff"],
  ...["K", "İ", "i", "ı", "I", "ß", "ss", "caf\u00e9", "cafe\u0301", "\u212b", "\u00c5", "Ａ", "A"],
];

export const keyLaws: CacheLaws = {
  "pattern characters, separators and every script are ordinary in a key": lawOfReady(({ cache }) =>
    assertDistinct(cache, SPECIAL),
  ),

  "a key that begins another, or looks like it, is another key": lawOfReady(({ cache }) =>
    assertDistinct(cache, ALIKE),
  ),

  "a long key counts to its last character": lawOfReady(async ({ cache, harness }) => {
    const { maxKeyBytes = DEFAULT_MAX_KEY_BYTES } = harness;
    const stem = "k".repeat(maxKeyBytes - 1);
    const wide = "é".repeat(Math.floor(maxKeyBytes / 2) - 1);
    await assertDistinct(cache, [stem, `${stem}1`, `${stem}2`, wide, `${wide}é`, `${wide}è`]);
  }),
};

/** Asserts that every key has a separate record, when reading, scanning, writing and deleting. */
async function assertDistinct(cache: CacheBackend, keys: readonly string[]): Promise<void> {
  const body = bytesOf("body");
  for (const key of keys) await insert(cache, [key, { head: bytesOf(key), body }]);
  for (const key of keys) await assertRecord(cache, [key, { head: bytesOf(key), body }]);
  assert.deepEqual(await scannedKeys(cache), new Set(keys));

  const replaced = bytesOf("replaced");
  for (const [index, key] of keys.entries()) {
    const { head, revision } = await read(cache, key);
    assert.equal(Buffer.compare(head, bytesOf(key)), 0, "another key's write changed the record");
    const isDeleted = index % 2 === 0;
    if (isDeleted) assert.equal(await cache.delete(key), true);
    else assert.equal(await cache.replace(key, replaced, { ifRevision: revision }), "replaced");
  }
  for (const [index, key] of keys.entries()) {
    if (index % 2 === 0) await assertAbsent(cache, key);
    else await assertRecord(cache, [key, { head: replaced, body }]);
  }
}
