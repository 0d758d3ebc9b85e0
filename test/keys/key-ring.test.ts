import { createDecipheriv, hkdfSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { generateKey, KeyRing } from "../../src/keys/key-ring.js";
import { KeyNotFoundError, RecordIntegrityError } from "../../src/vault/errors.js";
import { pseudoRandomBytes, withFlippedBit } from "../support/bytes.js";
import { codeThrownBy, INTEGRITY, KEY_NOT_FOUND, messageThrownBy } from "../support/refusals.js";

const KEY_A = pseudoRandomBytes(32, 11);
const KEY_B = pseudoRandomBytes(32, 12);
const DATA_KEY = pseudoRandomBytes(32, 13);

describe("making a key ring", () => {
  it("an ephemeral ring is not durable and has one key of its own", () => {
    const [first, second] = [KeyRing.ephemeral(), KeyRing.ephemeral()];
    expect(first.durable).toBe(false);
    expect(first.keyIds).toEqual([first.currentKeyId()]);
    expect(first.currentKeyId()).toMatch(/^ephemeral-[0-9a-f]{16}$/);
    expect(first.currentKeyId()).not.toBe(second.currentKeyId());
    const wrapped = first.wrap(DATA_KEY);
    expect(() => second.unwrap(wrapped)).toThrow(KeyNotFoundError);
  });

  it("a ring from given keys is durable and takes keys as bytes or as text", () => {
    const fromBytes = KeyRing.from({ current: "a", keys: { a: KEY_A, b: KEY_B } });
    const fromText = KeyRing.from({ current: "a", keys: { a: KEY_A.toString("base64url") } });
    expect(fromBytes.durable).toBe(true);
    expect(fromBytes.currentKeyId()).toBe("a");
    expect(fromBytes.keyIds).toEqual(["a", "b"]);
    expect(fromText.unwrap(fromBytes.wrap(DATA_KEY))).toEqual(DATA_KEY);
  });

  it("copies the keys it is given", () => {
    const key = Buffer.from(KEY_A);
    const ring = KeyRing.from({ current: "a", keys: { a: key } });
    const wrapped = ring.wrap(DATA_KEY);
    key.fill(0);
    expect(ring.unwrap(wrapped)).toEqual(DATA_KEY);
    const reference = KeyRing.from({ current: "a", keys: { a: KEY_A } });
    expect(reference.unwrap(ring.wrap(DATA_KEY))).toEqual(DATA_KEY);
  });

  it("generates distinct keys of 43 characters of base64url", () => {
    const keys = new Set(Array.from({ length: 200 }, () => generateKey()));
    expect(keys.size).toBe(200);
    for (const key of keys) {
      expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(Buffer.from(key, "base64url")).toHaveLength(32);
    }
  });

  it.each(["a", "A.b_c-9", "x".repeat(64), "__proto__", "constructor", "0"])(
    "accepts %j as a key id",
    (id) => {
      const keys = Object.fromEntries([[id, KEY_A]]);
      expect(KeyRing.from({ current: id, keys }).keyIds).toEqual([id]);
    },
  );

  it.each(["", "x".repeat(65), "a b", "a:b", "a/b", "ä", "a\n", "a\0"])(
    "rejects %j as a key id",
    (id) => {
      const keys = Object.fromEntries([[id, KEY_A]]);
      expect(() => KeyRing.from({ current: id, keys })).toThrow(RangeError);
      const ring = KeyRing.ephemeral();
      expect(() => ring.add(id, KEY_A)).toThrow(RangeError);
    },
  );

  const secret = "hunter2-hunter2-hunter2-hunter2-hunter2";
  const badKeys: readonly [string, unknown, typeof TypeError | typeof RangeError][] = [
    ["a number", 42, TypeError],
    ["null", null, TypeError],
    ["an array", [1, 2, 3], TypeError],
    ["an ArrayBuffer", new ArrayBuffer(32), TypeError],
    ["text of another length", secret, RangeError],
    ["text of another alphabet", `${"A".repeat(42)}+`, RangeError],
    ["padded text", `${"A".repeat(43)}=`, RangeError],
    ["31 bytes", new Uint8Array(31), RangeError],
    ["33 bytes", new Uint8Array(33), RangeError],
    ["no bytes", new Uint8Array(0), RangeError],
  ];
  it.each(badKeys)("refuses %s for a key, by a message without it", async (_name, key, kind) => {
    const make = () => KeyRing.from({ current: "a", keys: { a: key as Uint8Array } });
    expect(make).toThrow(kind);
    const message = await messageThrownBy(make);
    expect(message).toMatch(/^a key (as text )?must be /);
    expect(message).not.toContain(String(key) || "never empty");
  });

  it("refuses a current id that is not among the keys, or no keys at all", () => {
    const message = "current must be the id of one of the keys";
    expect(() => KeyRing.from({ current: "b", keys: { a: KEY_A } })).toThrow(
      new TypeError(message),
    );
    expect(() => KeyRing.from({ current: "a", keys: {} })).toThrow(new TypeError(message));
    expect(() => KeyRing.from({ current: "toString", keys: { a: KEY_A } })).toThrow(TypeError);
  });
});

describe("wrapping", () => {
  const ring = KeyRing.from({ current: "key-1", keys: { "key-1": KEY_A, "key-2": KEY_B } });

  it("follows the documented layout: HKDF from 24 bytes of salt, AES-256-GCM bound to the key id", () => {
    const { keyId, wrapped } = ring.wrap(DATA_KEY);
    const bytes = Buffer.from(wrapped);
    expect([keyId, bytes.length]).toEqual(["key-1", 72]);
    const derived = Buffer.from(
      hkdfSync("sha256", KEY_A, bytes.subarray(0, 24), "handlevault v1 key wrap", 44),
    );
    const decipher = createDecipheriv(
      "aes-256-gcm",
      derived.subarray(0, 32),
      derived.subarray(32),
      { authTagLength: 16 },
    );
    decipher.setAAD(Buffer.from("key-1", "latin1")).setAuthTag(bytes.subarray(56));
    const opened = Buffer.concat([decipher.update(bytes.subarray(24, 56)), decipher.final()]);
    expect(opened).toEqual(DATA_KEY);
  });

  it("wraps the same data key differently every time", () => {
    const wraps = Array.from({ length: 100 }, () => Buffer.from(ring.wrap(DATA_KEY).wrapped));
    expect(new Set(wraps.map((wrapped) => wrapped.toString("hex", 0, 24))).size).toBe(100);
    expect(new Set(wraps.map((wrapped) => wrapped.toString("hex", 24))).size).toBe(100);
  });

  it("refuses a wrapped key with any bit flipped", async () => {
    const { keyId, wrapped } = ring.wrap(DATA_KEY);
    const outcomes = new Set<string>();
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const altered = { keyId, wrapped: withFlippedBit(wrapped, bit) };
      outcomes.add(await codeThrownBy(() => ring.unwrap(altered)));
    }
    expect([...outcomes]).toEqual([INTEGRITY]);
  });

  it("refuses a wrapped key of any other length", async () => {
    const { keyId, wrapped } = ring.wrap(DATA_KEY);
    const longer = Buffer.concat([wrapped, Buffer.alloc(1)]);
    for (let length = 0; length <= 73; length++) {
      const altered = { keyId, wrapped: longer.subarray(0, length) };
      const expected = length === 72 ? "no error" : INTEGRITY;
      expect(await codeThrownBy(() => ring.unwrap(altered))).toBe(expected);
    }
  });

  it("refuses a wrapped key under another id, known or not", async () => {
    const { wrapped } = ring.wrap(DATA_KEY);
    const under = (keyId: string) => codeThrownBy(() => ring.unwrap({ keyId, wrapped }));
    expect(await under("key-2")).toBe(INTEGRITY);
    expect(await under("key-3")).toBe(KEY_NOT_FOUND);
    expect(await under("")).toBe(KEY_NOT_FOUND);
    expect(await under("__proto__")).toBe(KEY_NOT_FOUND);
  });

  it("binds the id: one key under two ids does not open the other's wraps", () => {
    const twins = KeyRing.from({ current: "x", keys: { x: KEY_A, y: KEY_A } });
    const { wrapped } = twins.wrap(DATA_KEY);
    expect(() => twins.unwrap({ keyId: "y", wrapped })).toThrow(RecordIntegrityError);
    expect(twins.unwrap({ keyId: "x", wrapped })).toEqual(DATA_KEY);
  });

  it("unwraps into memory that is not shared", () => {
    const wrapped = ring.wrap(DATA_KEY);
    ring.unwrap(wrapped).fill(0);
    expect(ring.unwrap(wrapped)).toEqual(DATA_KEY);
  });
});

/** Returns a report that allows the removal of any key except the current one. */
function reportOf(ring: KeyRing, keyUsage: Record<string, number> = {}) {
  const [currentKeyId, keyEpoch] = [ring.currentKeyId(), ring.epoch()];
  return { visited: 0, rewrapped: 0, failed: 0, keyUsage, currentKeyId, keyEpoch };
}

describe("rotating and removing", () => {
  it("add makes a key that only decrypts, and promote makes it the current one", () => {
    const ring = KeyRing.from({ current: "old", keys: { old: KEY_A } });
    const before = ring.wrap(DATA_KEY);
    const epochs = [ring.epoch()];
    ring.add("new", KEY_B);
    epochs.push(ring.epoch());
    expect(ring.currentKeyId()).toBe("old");
    expect(
      ring.unwrap(KeyRing.from({ current: "new", keys: { new: KEY_B } }).wrap(DATA_KEY)),
    ).toEqual(DATA_KEY);
    ring.promote("new");
    epochs.push(ring.epoch());
    expect(new Set(epochs).size).toBe(3);
    expect(ring.currentKeyId()).toBe("new");
    expect(ring.keyIds).toEqual(["old", "new"]);
    expect(ring.wrap(DATA_KEY).keyId).toBe("new");
    expect(ring.unwrap(before)).toEqual(DATA_KEY);
  });

  it("add and promote change nothing when they refuse", () => {
    const ring = KeyRing.from({ current: "a", keys: { a: KEY_A } });
    const epoch = ring.epoch();
    expect(() => ring.add("a", KEY_B)).toThrow(RangeError);
    expect(() => ring.add("b", new Uint8Array(5))).toThrow(RangeError);
    expect(() => ring.add("b b", KEY_B)).toThrow(RangeError);
    expect(() => ring.add(undefined as unknown as string, KEY_B)).toThrow(TypeError);
    expect(() => ring.add(7 as unknown as string, KEY_B)).toThrow(TypeError);
    expect(() => ring.promote("b")).toThrow(/add the key first/);
    expect(() => ring.reload()).toThrow(/restart/);
    expect([ring.currentKeyId(), ring.keyIds, ring.epoch()]).toEqual(["a", ["a"], epoch]);
    expect(ring.unwrap(ring.wrap(DATA_KEY))).toEqual(DATA_KEY);
  });

  it("remove deletes an older key permanently and returns whether there was one", () => {
    const ring = KeyRing.from({ current: "b", keys: { a: KEY_A, b: KEY_B } });
    const underA = KeyRing.from({ current: "a", keys: { a: KEY_A } }).wrap(DATA_KEY);
    expect(ring.unwrap(underA)).toEqual(DATA_KEY);
    const epoch = ring.epoch();
    expect(ring.remove("a", reportOf(ring))).toBe(true);
    expect(ring.epoch()).not.toBe(epoch);
    expect(ring.keyIds).toEqual(["b"]);
    expect(() => ring.unwrap(underA)).toThrow(KeyNotFoundError);
  });

  it("remove of an unknown id changes nothing, and the current key cannot be removed", () => {
    const ring = KeyRing.from({ current: "a", keys: { a: KEY_A } });
    const epoch = ring.epoch();
    expect(ring.remove("z", { force: true })).toBe(false);
    expect(() => ring.remove("a", { force: true })).toThrow(RangeError);
    expect([ring.keyIds, ring.epoch()]).toEqual([["a"], epoch]);
  });

  it("remove needs the report of a complete rewrap after the last promote, or force", () => {
    const ring = KeyRing.from({ current: "a", keys: { a: KEY_A, b: KEY_B } });
    const underA = reportOf(ring);
    ring.promote("b");
    const underB = reportOf(ring);
    const other = KeyRing.from({ current: "b", keys: { a: KEY_A, b: KEY_B } });
    for (const proof of [
      underA,
      { ...underB, failed: 1 },
      { ...underB, cursor: "more" },
      { ...underB, keyUsage: { a: 1 } },
      { ...underB, currentKeyId: "a" },
      { ...underB, keyEpoch: underA.keyEpoch },
      { ...underB, keyEpoch: ring.epoch() + 1 },
      { ...underB, keyEpoch: undefined },
      { failed: 0, keyUsage: {} },
      reportOf(other),
    ]) {
      expect(() => ring.remove("a", proof)).toThrow(RangeError);
    }
    for (const proof of [undefined, null, true, "force"]) {
      expect(() => ring.remove("a", proof as never)).toThrow(TypeError);
    }
    // Promoting back and forth makes the first report outdated: it does not cover records sealed under b
    // since.
    ring.promote("a");
    expect(() => ring.remove("b", underA)).toThrow(RangeError);
    expect(ring.remove("b", reportOf(ring))).toBe(true);
  });

  it("an id that was removed may be given to another key", () => {
    const ring = KeyRing.from({ current: "b", keys: { a: KEY_A, b: KEY_B } });
    ring.remove("a", { force: true });
    ring.add("a", generateKey());
    ring.promote("a");
    expect(ring.currentKeyId()).toBe("a");
    const underOldA = KeyRing.from({ current: "a", keys: { a: KEY_A } }).wrap(DATA_KEY);
    expect(() => ring.unwrap(underOldA)).toThrow(RecordIntegrityError);
  });

  it("keyIds is a copy", () => {
    const ring = KeyRing.from({ current: "a", keys: { a: KEY_A } });
    (ring.keyIds as string[]).push("b");
    expect(ring.keyIds).toEqual(["a"]);
  });
});
