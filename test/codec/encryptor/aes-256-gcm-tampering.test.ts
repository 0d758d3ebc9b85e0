import { describe, expect, it } from "vitest";
import { aes256GcmEncryptor } from "../../../src/codec/encryptor/aes-256-gcm.js";
import { KeyRing } from "../../../src/keys/key-ring.js";
import { pseudoRandomBytes, withFlippedBit } from "../../support/bytes.js";
import { CONTEXT } from "../../support/contexts.js";
import { codeThrownBy, INTEGRITY, KEY_NOT_FOUND } from "../../support/refusals.js";

/** The key id: its length, then "key-1". */
const KEY_ID_END = 6;
const ring = KeyRing.from({ current: "key-1", keys: { "key-1": pseudoRandomBytes(32, 21) } });
const writer = aes256GcmEncryptor({ keys: ring });
const ciphertext = Buffer.from(await writer.encrypt(Buffer.from("a payload"), CONTEXT));

/** Readers that have unwrapped the genuine data key before, and readers that have not. */
const readers = {
  "with the data key cached": () => writer,
  "with no data key cached": () => aes256GcmEncryptor({ keys: ring }),
};

describe.each(Object.entries(readers))("a tampered AES-256-GCM ciphertext, %s", (_, reader) => {
  const outcomeOf = (bytes: Uint8Array) => codeThrownBy(() => reader().decrypt(bytes, CONTEXT));

  it("opens if nothing is changed", async () => {
    expect(await outcomeOf(ciphertext)).toBe("no error");
  });

  it("is refused with KeyNotFoundError if any bit of the key id is flipped", async () => {
    const outcomes: string[] = [];
    for (let bit = 8; bit < KEY_ID_END * 8; bit++) {
      outcomes.push(await outcomeOf(withFlippedBit(ciphertext, bit)));
    }
    expect(outcomes).toEqual(new Array(40).fill(KEY_NOT_FOUND));
  });

  it("is refused with KeyNotFoundError if any bit of the key id's length is flipped", async () => {
    const outcomes: string[] = [];
    for (let bit = 0; bit < 8; bit++) {
      outcomes.push(await outcomeOf(withFlippedBit(ciphertext, bit)));
    }
    expect(outcomes).toEqual(new Array(8).fill(KEY_NOT_FOUND));
  });

  it("is refused with KeyNotFoundError for every other length of the key id", async () => {
    for (let length = 0; length < 256; length++) {
      const altered = Buffer.from(ciphertext);
      altered.writeUInt8(length, 0);
      expect(await outcomeOf(altered)).toBe(length === 5 ? "no error" : KEY_NOT_FOUND);
    }
  });

  it("is refused with RecordIntegrityError if any other bit is flipped", async () => {
    const surprises: [number, string][] = [];
    for (let bit = KEY_ID_END * 8; bit < ciphertext.length * 8; bit++) {
      const outcome = await outcomeOf(withFlippedBit(ciphertext, bit));
      if (outcome !== INTEGRITY) surprises.push([bit, outcome]);
    }
    expect(surprises).toEqual([]);
  });

  it("is refused if it is truncated at any length", async () => {
    for (let length = 0; length < ciphertext.length; length++) {
      const expected = length < KEY_ID_END ? KEY_NOT_FOUND : INTEGRITY;
      expect(await outcomeOf(ciphertext.subarray(0, length))).toBe(expected);
    }
  });

  it("is refused when anything is appended", async () => {
    expect(await outcomeOf(Buffer.concat([ciphertext, Buffer.of(0)]))).toBe(INTEGRITY);
    expect(await outcomeOf(Buffer.concat([ciphertext, ciphertext]))).toBe(INTEGRITY);
  });

  it("is refused with another record's header or payload", async () => {
    const other = Buffer.from(
      await aes256GcmEncryptor({ keys: ring }).encrypt(Buffer.from("b payload"), CONTEXT),
    );
    const HEADER_BYTES = 112;
    const mixed = [
      [other.subarray(0, HEADER_BYTES), ciphertext.subarray(HEADER_BYTES)],
      [ciphertext.subarray(0, HEADER_BYTES), other.subarray(HEADER_BYTES)],
      [ciphertext.subarray(0, 80), other.subarray(80)],
      [other.subarray(0, 8), ciphertext.subarray(8, 80), other.subarray(80)],
    ];
    for (const parts of mixed) expect(await outcomeOf(Buffer.concat(parts))).toBe(INTEGRITY);
  });

  it("still opens after all those refusals", async () => {
    expect(await outcomeOf(ciphertext)).toBe("no error");
  });
});
