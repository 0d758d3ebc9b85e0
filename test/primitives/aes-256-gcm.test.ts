import { createSecretKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openAes256Gcm } from "../../src/codec/encryptor/aes-256-gcm.js";
import { decryptAes256Gcm, encryptAes256Gcm } from "../../src/primitives/aes-256-gcm.js";
import { pseudoRandomBytes, withFlippedBit } from "../support/bytes.js";
import { codeThrownBy, INTEGRITY } from "../support/refusals.js";
import { hex, loadVectors } from "../support/vectors.js";

interface WycheproofTest {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: "valid" | "invalid" | "acceptable";
}

interface WycheproofGroup {
  readonly keySize: number;
  readonly ivSize: number;
  readonly tagSize: number;
  readonly tests: readonly WycheproofTest[];
}

const { testGroups } = loadVectors<{ testGroups: readonly WycheproofGroup[] }>(
  "wycheproof/aes_gcm_test.json",
);
const groups256 = testGroups.filter(({ keySize }) => keySize === 256);
const supported = groups256
  .filter(({ ivSize, tagSize }) => ivSize === 96 && tagSize === 128)
  .flatMap(({ tests }) => tests);
const otherNonces = groups256.filter(({ ivSize }) => ivSize !== 96).flatMap(({ tests }) => tests);

function decrypt(test: WycheproofTest): Buffer | undefined {
  const encrypted = { ciphertext: hex(test.ct), tag: hex(test.tag) };
  return decryptAes256Gcm(hex(test.key), hex(test.iv), encrypted, hex(test.aad));
}

function open(test: WycheproofTest, keyForm: "bytes" | "object"): Buffer {
  const key = keyForm === "bytes" ? hex(test.key) : createSecretKey(hex(test.key));
  const sealed = Buffer.concat([Buffer.alloc(3), hex(test.iv), hex(test.ct), hex(test.tag)]);
  return openAes256Gcm(key, sealed, 3, test.aad === "" ? undefined : hex(test.aad));
}

describe("AES-256-GCM against Project Wycheproof", () => {
  it("has all 66 vectors for 96-bit nonces and 128-bit tags", () => {
    expect(supported).toHaveLength(66);
    expect(new Set(supported.map(({ result }) => result))).toEqual(new Set(["valid", "invalid"]));
  });

  it.each(supported.filter(({ result }) => result === "valid"))(
    "encrypts and opens valid vector $tcId",
    (test) => {
      const made = encryptAes256Gcm(hex(test.key), hex(test.iv), hex(test.msg), hex(test.aad));
      expect(made.ciphertext.toString("hex")).toBe(test.ct);
      expect(made.tag.toString("hex")).toBe(test.tag);
      expect(decrypt(test)?.toString("hex")).toBe(test.msg);
      expect(open(test, "bytes").toString("hex")).toBe(test.msg);
      expect(open(test, "object").toString("hex")).toBe(test.msg);
    },
  );

  it.each(supported.filter(({ result }) => result === "invalid"))(
    "refuses invalid vector $tcId",
    async (test) => {
      expect(decrypt(test)).toBeUndefined();
      expect(await codeThrownBy(() => open(test, "object"))).toBe(INTEGRITY);
    },
  );

  it("refuses every vector whose nonce has another length, valid or not", () => {
    expect(otherNonces.length).toBeGreaterThan(20);
    expect(otherNonces.filter((test) => decrypt(test) !== undefined)).toEqual([]);
  });
});

describe("AES-256-GCM against python-cryptography", () => {
  interface Blob {
    readonly key: string;
    readonly blob: string;
    readonly plaintext: string;
  }
  const { aes256gcm_nonce12_ct_tag16: blobs } = loadVectors<{
    aes256gcm_nonce12_ct_tag16: readonly Blob[];
  }>("interop/python_cryptography.json");

  it("decrypts every blob to the expected plaintext", () => {
    const opened = blobs.map(({ key, blob }) =>
      openAes256Gcm(hex(key), hex(blob), 0, undefined).toString("hex"),
    );
    expect(opened).toEqual(blobs.map(({ plaintext }) => plaintext));
    expect(opened).toHaveLength(7);
  });
});

describe("AES-256-GCM", () => {
  const key = pseudoRandomBytes(32);
  const nonce = pseudoRandomBytes(12, 2);
  const text = "Grüße, 世界 \u{1f511}";

  it("encrypts text as its UTF-8", () => {
    const fromText = encryptAes256Gcm(key, nonce, text);
    expect(fromText).toEqual(encryptAes256Gcm(key, nonce, Buffer.from(text, "utf8")));
    expect(decryptAes256Gcm(key, nonce, fromText)?.toString("utf8")).toBe(text);
  });

  it("refuses a genuine tag that is truncated to any length", () => {
    const { ciphertext, tag } = encryptAes256Gcm(key, nonce, text);
    for (let length = 0; length < 16; length++) {
      const cut = { ciphertext, tag: tag.subarray(0, length) };
      expect(decryptAes256Gcm(key, nonce, cut)).toBeUndefined();
    }
    expect(decryptAes256Gcm(key, nonce, { ciphertext, tag })).toBeDefined();
  });

  it("refuses other associated data, and data if there was none", () => {
    const data = Buffer.from("context");
    const bound = encryptAes256Gcm(key, nonce, text, data);
    const unbound = encryptAes256Gcm(key, nonce, text);
    expect(decryptAes256Gcm(key, nonce, bound, data)?.toString()).toBe(text);
    expect(decryptAes256Gcm(key, nonce, bound, withFlippedBit(data, 9))).toBeUndefined();
    expect(decryptAes256Gcm(key, nonce, bound)).toBeUndefined();
    expect(decryptAes256Gcm(key, nonce, unbound, data)).toBeUndefined();
  });

  it("refuses bytes too short to hold a nonce and a tag", async () => {
    for (let length = 0; length < 28; length++) {
      const sealed = Buffer.alloc(length);
      expect(await codeThrownBy(() => openAes256Gcm(key, sealed, 0, undefined))).toBe(INTEGRITY);
    }
  });

  it("opens an empty plaintext and one of 1 MiB", () => {
    for (const plaintext of [Buffer.alloc(0), pseudoRandomBytes(1_048_576)]) {
      const encrypted = encryptAes256Gcm(key, nonce, plaintext);
      expect(encrypted.ciphertext).toHaveLength(plaintext.length);
      expect(decryptAes256Gcm(key, nonce, encrypted)?.equals(plaintext)).toBe(true);
    }
  });
});
