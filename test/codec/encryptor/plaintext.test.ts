import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { plaintextEncryptor } from "../../../src/codec/encryptor/plaintext.js";
import { pseudoRandomBytes, withFlippedBit } from "../../support/bytes.js";
import { CONTEXT, OTHER_CONTEXTS } from "../../support/contexts.js";
import { codeThrownBy, INTEGRITY } from "../../support/refusals.js";

const encryptor = plaintextEncryptor();
const plaintext = Buffer.from("in the clear");

describe("the plaintext encryptor", () => {
  it.each([0, 1, 31, 32, 33, 1_048_576])("restores %i bytes", async (length) => {
    const bytes = pseudoRandomBytes(length);
    for (const context of [undefined, CONTEXT]) {
      const stored = await encryptor.encrypt(bytes, context);
      expect(stored).toHaveLength(32 + length);
      expect(bytes.equals(await encryptor.decrypt(stored, context))).toBe(true);
    }
  });

  it("stores the unchanged bytes after a checksum of context and bytes", async () => {
    const stored = Buffer.from(await encryptor.encrypt(plaintext));
    expect(stored.subarray(32)).toEqual(plaintext);
    const digest = createHash("sha256").update(Buffer.of(0, 0)).update(plaintext).digest();
    expect(stored.subarray(0, 32)).toEqual(digest);
    expect(encryptor.durable).toBe(true);
  });

  it("detects every flipped bit and every truncation", async () => {
    const stored = await encryptor.encrypt(plaintext, CONTEXT);
    const outcomes = new Set<string>();
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const damaged = withFlippedBit(stored, bit);
      outcomes.add(await codeThrownBy(() => encryptor.decrypt(damaged, CONTEXT)));
    }
    for (let length = 0; length < stored.length; length++) {
      const cut = stored.subarray(0, length);
      outcomes.add(await codeThrownBy(() => encryptor.decrypt(cut, CONTEXT)));
    }
    expect([...outcomes]).toEqual([INTEGRITY]);
  });

  it("detects bytes that were moved to another context", async () => {
    const bound = await encryptor.encrypt(plaintext, CONTEXT);
    const unbound = await encryptor.encrypt(plaintext);
    for (const other of [...OTHER_CONTEXTS, undefined]) {
      expect(await codeThrownBy(() => encryptor.decrypt(bound, other))).toBe(INTEGRITY);
    }
    expect(await codeThrownBy(() => encryptor.decrypt(unbound, CONTEXT))).toBe(INTEGRITY);
  });

  it("returns bytes in separate memory", async () => {
    const stored = Buffer.from(await encryptor.encrypt(plaintext));
    const opened = await encryptor.decrypt(stored);
    stored.fill(0);
    expect(plaintext.equals(opened)).toBe(true);
  });
});
