import { hkdfSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { aes256GcmEncryptor } from "../../../src/codec/encryptor/aes-256-gcm.js";
import { generateKey, KeyRing } from "../../../src/keys/key-ring.js";
import { decryptAes256Gcm } from "../../../src/primitives/aes-256-gcm.js";
import { pseudoRandomBytes } from "../../support/bytes.js";
import { collidingCiphertext, inverse, multiply, toElement } from "../../support/gf128.js";
import { codeThrownBy, INTEGRITY } from "../../support/refusals.js";
import { rotate } from "../../support/rotation.js";

const KEY_ID = "shared-id";
const RING_KEYS = [pseudoRandomBytes(32, 31), pseudoRandomBytes(32, 32)] as const;
const SALT = pseudoRandomBytes(24, 33);
const rings = RING_KEYS.map((key) => KeyRing.from({ current: KEY_ID, keys: { [KEY_ID]: key } }));

function derive(key: Uint8Array, salt: Uint8Array, label: string, length: number): Buffer {
  return Buffer.from(hkdfSync("sha256", key, salt, label, length));
}

/** Returns a wrapped data key that unwraps under both ring keys, to another data key under each. */
function twoKeyWrap(): Buffer {
  const [first, second] = RING_KEYS.map((key) => {
    const derived = derive(key, SALT, "handlevault v1 key wrap", 44);
    return { key: derived.subarray(0, 32), nonce: derived.subarray(32) };
  });
  if (first === undefined || second === undefined) throw new Error("two keys are needed");
  const { ciphertext, tag } = collidingCiphertext([first, second], {
    secondBlock: pseudoRandomBytes(16, 34),
    associatedData: Buffer.from(KEY_ID),
  });
  return Buffer.concat([SALT, ciphertext, tag]);
}

/** Returns the keys that each ring derives from the two-key wrap: the encryption key and the commitment. */
function unwrapBoth(wrapped: Buffer): { key: Buffer; commitment: Buffer }[] {
  return rings.map((ring) => {
    const derived = derive(
      ring.unwrap({ keyId: KEY_ID, wrapped }),
      Buffer.alloc(0),
      "handlevault v1 data key",
      64,
    );
    return { key: derived.subarray(0, 32), commitment: derived.subarray(32) };
  });
}

const [first, second] = unwrapBoth(twoKeyWrap()) as [
  { key: Buffer; commitment: Buffer },
  { key: Buffer; commitment: Buffer },
];
const nonce = pseudoRandomBytes(12, 35);

describe("the field arithmetic of the crafting helper", () => {
  it("agrees with a product from NIST's test case 2 for GCM", () => {
    // GHASH of one block of ciphertext is C·H² + L·H, with H, C and GHASH from the GCM specification.
    const [hashKey, block, lengths, expected] = [
      "66e94bd4ef8a2c3b884cfa59ca342b2e",
      "0388dace60b6a392f328c2b971b2fe78",
      "00000000000000000000000000000080",
      "f38cbb1ad69223dcc3457ae5b6b0f885",
    ].map((text) => toElement(Buffer.from(text, "hex"))) as [bigint, bigint, bigint, bigint];
    expect(multiply(multiply(block, hashKey) ^ lengths, hashKey)).toBe(expected);
    expect(multiply(hashKey, inverse(hashKey))).toBe(1n << 127n);
  });
});

describe("a ciphertext crafted to open under two keys", () => {
  it("does open under both in plain AES-GCM, to different plaintexts", () => {
    const associatedData = Buffer.from("16 bytes at most");
    const payload = craftedPayload(associatedData);
    const opened = [first, second].map(({ key }) =>
      decryptAes256Gcm(key, nonce, payload, associatedData),
    );
    expect(opened.map((plaintext) => plaintext?.length)).toEqual([32, 32]);
    expect(opened[0]).not.toEqual(opened[1]);
    expect(decryptAes256Gcm(pseudoRandomBytes(32, 99), nonce, payload, associatedData)).toBe(
      undefined,
    );
  });

  it("a data key, so wrapped, does unwrap under both rings, to different data keys", () => {
    const wrapped = twoKeyWrap();
    const keys = rings.map((ring) => ring.unwrap({ keyId: KEY_ID, wrapped }));
    expect(keys.map(({ length }) => length)).toEqual([32, 32]);
    expect(keys[0]).not.toEqual(keys[1]);
  });

  it.each([
    ["the first", first.commitment, ["no error", INTEGRITY]],
    ["the second", second.commitment, [INTEGRITY, "no error"]],
    ["neither", pseudoRandomBytes(32, 37), [INTEGRITY, INTEGRITY]],
  ])(
    "opens for at most one reader where the header commits to %s",
    async (_, commitment, expected) => {
      const plain = craftedPayload(Buffer.alloc(0));
      const sealed = Buffer.concat([
        Buffer.of(KEY_ID.length),
        Buffer.from(KEY_ID),
        Buffer.of(0, 72),
        twoKeyWrap(),
        commitment,
        nonce,
        plain.ciphertext,
        plain.tag,
      ]);
      const outcomes = await Promise.all(
        rings.map((keys) => codeThrownBy(() => aes256GcmEncryptor({ keys }).decrypt(sealed))),
      );
      expect(outcomes).toEqual(expected);
      // The payload itself would open under both keys: only the commitment refuses it.
      for (const { key } of [first, second]) {
        expect(decryptAes256Gcm(key, nonce, plain)).toHaveLength(32);
      }
    },
  );

  it("cannot be rewrapped by the reader that the header does not commit to", async () => {
    const header = Buffer.concat([
      Buffer.of(KEY_ID.length),
      Buffer.from(KEY_ID),
      Buffer.of(0, 72),
      twoKeyWrap(),
      first.commitment,
    ]);
    const outcomes = await Promise.all(
      RING_KEYS.map(async (key) => {
        const keys = KeyRing.from({ current: KEY_ID, keys: { [KEY_ID]: key } });
        rotate(keys, "next", generateKey());
        return codeThrownBy(() => aes256GcmEncryptor({ keys }).rewrap(header));
      }),
    );
    expect(outcomes).toEqual(["no error", INTEGRITY]);
  });
});

function craftedPayload(associatedData: Buffer): { ciphertext: Buffer; tag: Buffer } {
  return collidingCiphertext(
    [
      { key: first.key, nonce },
      { key: second.key, nonce },
    ],
    { secondBlock: pseudoRandomBytes(16, 38), associatedData },
  );
}
