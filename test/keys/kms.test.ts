import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { aes256GcmEncryptor } from "../../src/codec/encryptor/aes-256-gcm.js";
import { DataKeys } from "../../src/keys/data-keys.js";
import { KeyRing } from "../../src/keys/key-ring.js";
import { CacheUnavailableError } from "../../src/vault/errors.js";
import { pseudoRandomBytes } from "../support/bytes.js";
import { CONTEXT } from "../support/contexts.js";
import { FakeKms } from "../support/fake-kms.js";
import { codeThrownBy, INTEGRITY, KEY_NOT_FOUND, thrownBy } from "../support/refusals.js";
import { rotate } from "../support/rotation.js";

const plaintext = pseudoRandomBytes(100, 51);

function setUp() {
  const kms = new FakeKms();
  return { kms, encryptor: aes256GcmEncryptor({ keys: kms }) };
}

/** Returns a header that another instance made under the service's current key. */
async function headerFrom(kms: FakeKms): Promise<Buffer> {
  return (await new DataKeys(kms).forEncryption()).header;
}

describe("encrypting with a key management service", () => {
  it("any number of encryptions at once share one wrap", async () => {
    const { kms, encryptor } = setUp();
    const inputs = Array.from({ length: 50 }, (_, index) => pseudoRandomBytes(index, index + 1));
    const sealed = await Promise.all(
      inputs.map(async (input) => encryptor.encrypt(input, CONTEXT)),
    );
    expect(kms.wraps).toBe(1);
    const opened = await Promise.all(sealed.map(async (one) => encryptor.decrypt(one, CONTEXT)));
    expect(opened.every((bytes, index) => inputs[index]?.equals(bytes))).toBe(true);
    expect([kms.wraps, kms.unwraps]).toEqual([1, 0]);
    const nonces = new Set(sealed.map((one) => Buffer.from(one).toString("hex", 112, 124)));
    expect(nonces.size).toBe(50);
  });

  it("the caller may reuse the plaintext's memory as soon as the call returns", async () => {
    const { kms, encryptor } = setUp();
    const release = kms.hold();
    const buffer = Buffer.from(plaintext);
    const pending = encryptor.encrypt(buffer, CONTEXT);
    expect(pending).toBeInstanceOf(Promise);
    buffer.fill(0xaa);
    release();
    expect(plaintext.equals(await encryptor.decrypt(await pending, CONTEXT))).toBe(true);
    const later = encryptor.encrypt(Buffer.from(plaintext), CONTEXT);
    expect(later).not.toBeInstanceOf(Promise);
  });

  it("a failed wrap fails the calls that waited for it and no later one", async () => {
    const { kms, encryptor } = setUp();
    const trouble = new CacheUnavailableError();
    kms.failWith(trouble);
    const calls = [1, 2, 3].map(() => thrownBy(() => encryptor.encrypt(plaintext)));
    expect(await Promise.all(calls)).toEqual([trouble, trouble, trouble]);
    expect(kms.wraps).toBe(1);
    kms.failWith(undefined);
    expect(plaintext.equals(await encryptor.decrypt(await encryptor.encrypt(plaintext)))).toBe(
      true,
    );
  });

  it("a wrap that was under way at a rotation serves those who waited, but nobody after", async () => {
    const { kms, encryptor } = setUp();
    const release = kms.hold();
    const early = encryptor.encrypt(plaintext);
    kms.rotate("kms-2");
    const late = encryptor.encrypt(plaintext);
    release();
    expect(encryptor.keyIdOf(await early)).toBe("kms-1");
    expect(encryptor.keyIdOf(await late)).toBe("kms-2");
    expect(encryptor.keyIdOf(await encryptor.encrypt(plaintext))).toBe("kms-2");
    for (const sealed of [await early, await late]) {
      expect(plaintext.equals(await encryptor.decrypt(sealed))).toBe(true);
    }
    expect(kms.wraps).toBe(2);
  });
});

describe("decrypting with a key management service", () => {
  it("any number of decryptions at once share one unwrap", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext, CONTEXT);
    const reader = aes256GcmEncryptor({ keys: kms });
    const opened = await Promise.all(
      Array.from({ length: 50 }, async () => reader.decrypt(sealed, CONTEXT)),
    );
    expect(opened.every((bytes) => plaintext.equals(bytes))).toBe(true);
    opened[0]?.fill(0);
    expect(opened.slice(1).every((bytes) => plaintext.equals(bytes))).toBe(true);
    expect(kms.unwraps).toBe(1);
    expect(reader.decrypt(sealed, CONTEXT)).not.toBeInstanceOf(Promise);
  });

  it("a forged header reaches the service once in 10 seconds, however often it comes", async () => {
    const kms = new FakeKms();
    const watch = { ms: 0 };
    const keys = new DataKeys(kms, () => watch.ms);
    const header = await headerFrom(kms);
    header.writeUInt8(header.readUInt8(30) ^ 1, 30);
    const open = () => codeThrownBy(() => keys.forDecryption(header, header.length));
    const atOnce = await Promise.all(Array.from({ length: 20 }, open));
    expect(new Set(atOnce)).toEqual(new Set([INTEGRITY]));
    watch.ms = 9_999;
    expect(await open()).toBe(INTEGRITY);
    expect(kms.unwraps).toBe(1);
    watch.ms = 10_000;
    expect(await open()).toBe(INTEGRITY);
    expect(kms.unwraps).toBe(2);
  });

  it("a forged commitment is found although the service unwraps the key", async () => {
    const kms = new FakeKms();
    const keys = new DataKeys(kms);
    const header = await headerFrom(kms);
    header.writeUInt8(header.readUInt8(header.length - 1) ^ 1, header.length - 1);
    expect(await codeThrownBy(() => keys.forDecryption(header, header.length))).toBe(INTEGRITY);
  });

  it("the service's own trouble is passed on and the next call asks again", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext);
    const reader = aes256GcmEncryptor({ keys: kms });
    const trouble = new Error("throttled");
    kms.failWith(trouble);
    expect(await thrownBy(() => reader.decrypt(sealed))).toBe(trouble);
    kms.failWith(undefined);
    expect(plaintext.equals(await reader.decrypt(sealed))).toBe(true);
  });

  it("an unwrap that was under way when its key was removed is not remembered", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext);
    const reader = aes256GcmEncryptor({ keys: kms });
    const release = kms.hold();
    const pending = reader.decrypt(sealed);
    kms.rotate("kms-2");
    kms.remove("kms-1");
    release();
    expect(plaintext.equals(await pending)).toBe(true);
    expect(await codeThrownBy(() => reader.decrypt(sealed))).toBe(KEY_NOT_FOUND);
  });

  it("a refusal that was under way when the key was added is not remembered", async () => {
    const key = pseudoRandomBytes(32, 52);
    const stranger = KeyRing.from({ current: "late", keys: { late: key } });
    const header = (await new DataKeys(stranger).forEncryption()).header;
    const ring = KeyRing.ephemeral();
    const gate: { open: () => void } = { open: () => undefined };
    const held = new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    const keys = new DataKeys({
      durable: true,
      get currentKeyId() {
        return ring.currentKeyId;
      },
      get epoch() {
        return ring.epoch;
      },
      wrap: (dataKey) => ring.wrap(dataKey),
      unwrap: async (wrapped) => {
        const isKnown = ring.keyIds.includes(wrapped.keyId);
        await held;
        return isKnown ? ring.unwrap(wrapped) : KeyRing.ephemeral().unwrap(wrapped);
      },
    });
    const pending = codeThrownBy(() => keys.forDecryption(header, header.length));
    rotate(ring, "late", key);
    // Any call makes the instance follow the ring before the refusal comes in.
    await keys.forEncryption();
    gate.open();
    expect(await pending).toBe(KEY_NOT_FOUND);
    expect(await codeThrownBy(() => keys.forDecryption(header, header.length))).toBe("no error");
  });
});

describe("rewrapping with a key management service", () => {
  it("asks once for all records that share a data key", async () => {
    const { kms, encryptor } = setUp();
    const [one, two] = [await encryptor.encrypt(plaintext), await encryptor.encrypt(plaintext)];
    kms.rotate("kms-2");
    const rewrapped = [await encryptor.rewrap(one), await encryptor.rewrap(two)];
    expect([kms.wraps, kms.unwraps]).toEqual([2, 1]);
    kms.remove("kms-1");
    for (const sealed of rewrapped) {
      expect(plaintext.equals(await encryptor.decrypt(sealed ?? new Uint8Array()))).toBe(true);
    }
  });

  it("a failure leaves nothing behind and can be tried again", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext);
    kms.rotate("kms-2");
    const trouble = new Error("throttled");
    kms.failWith(trouble);
    expect(await thrownBy(() => encryptor.rewrap(sealed))).toBe(trouble);
    kms.failWith(undefined);
    expect(encryptor.keyIdOf((await encryptor.rewrap(sealed)) ?? sealed)).toBe("kms-2");
  });

  it("never hands out, later, what was wrapped before another rotation", async () => {
    const { kms, encryptor } = setUp();
    const sealed = await encryptor.encrypt(plaintext);
    kms.rotate("kms-2");
    const release = kms.hold();
    const early = encryptor.rewrap(sealed);
    // The unwrap answers, then the wrap under kms-2 is asked for and held up.
    release();
    for (let turn = 0; kms.wraps < 2 && turn < 1000; turn++) await setImmediate();
    kms.rotate("kms-3");
    await encryptor.encrypt(plaintext);
    await early;
    const late = (await encryptor.rewrap(sealed)) ?? sealed;
    expect(encryptor.keyIdOf(late)).toBe("kms-3");
  });
});
