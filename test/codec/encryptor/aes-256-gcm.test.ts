import { createDecipheriv, hkdfSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { aes256GcmEncryptor } from "../../../src/codec/encryptor/aes-256-gcm.js";
import { generateKey, KeyRing } from "../../../src/keys/key-ring.js";
import { pseudoRandomBytes } from "../../support/bytes.js";
import { CONTEXT, OTHER_CONTEXTS } from "../../support/contexts.js";
import { codeThrownBy, INTEGRITY, KEY_NOT_FOUND } from "../../support/refusals.js";
import { rotate } from "../../support/rotation.js";

const KEY = pseudoRandomBytes(32, 21);
const plaintext = Buffer.from("4111 1111 1111 1111");
const newRing = () => KeyRing.from({ current: "key-1", keys: { "key-1": KEY } });
/** The header: 1 byte for the length of "key-1", 5 for the id, 2 for the length of the wrapped key, 72, and 32. */
const HEADER_BYTES = 112;
const headerOf = (ciphertext: Uint8Array) => Buffer.from(ciphertext.subarray(0, HEADER_BYTES));
const nonceOf = (ciphertext: Uint8Array) =>
  Buffer.from(ciphertext.subarray(HEADER_BYTES, HEADER_BYTES + 12));

describe("the AES-256-GCM encryptor", () => {
  const encryptor = aes256GcmEncryptor({ keys: newRing() });

  it.each([0, 1, 15, 16, 17, 8192, 1_048_576])(
    "decrypts its own ciphertext of %i bytes",
    async (length) => {
      const bytes = pseudoRandomBytes(length);
      for (const context of [undefined, CONTEXT]) {
        const ciphertext = await encryptor.encrypt(bytes, context);
        expect(ciphertext).toHaveLength(HEADER_BYTES + 12 + length + 16);
        expect(bytes.equals(await encryptor.decrypt(ciphertext, context))).toBe(true);
      }
    },
  );

  it("is as durable as its keys", () => {
    expect(encryptor.durable).toBe(true);
    expect(aes256GcmEncryptor({ keys: KeyRing.ephemeral() }).durable).toBe(false);
  });

  it("does not show a plaintext in its ciphertext", async () => {
    const ciphertext = Buffer.from(await encryptor.encrypt(plaintext, CONTEXT));
    expect(ciphertext.includes(plaintext)).toBe(false);
    expect(ciphertext.includes(KEY)).toBe(false);
  });

  it("makes different ciphertexts of equal plaintexts", async () => {
    const payloads = new Set<string>();
    for (let round = 0; round < 500; round++) {
      const ciphertext = Buffer.from(await encryptor.encrypt(plaintext, CONTEXT));
      payloads.add(ciphertext.toString("hex", HEADER_BYTES + 12));
    }
    expect(payloads.size).toBe(500);
  });

  it("never uses a nonce twice under one data key", async () => {
    const own = aes256GcmEncryptor({ keys: newRing() });
    const headers = new Set<string>();
    const nonces = new Set<string>();
    const counts: number[] = [];
    for (let round = 0; round < 10_000; round++) {
      const ciphertext = await own.encrypt(plaintext);
      headers.add(headerOf(ciphertext).toString("hex"));
      nonces.add(nonceOf(ciphertext).toString("hex"));
      counts.push(nonceOf(ciphertext).readUInt32BE(8));
    }
    expect([headers.size, nonces.size]).toEqual([1, 10_000]);
    expect(counts).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
  });

  it("two encryptors with one ring generate different data keys and read each other's ciphertexts", async () => {
    const [first, second] = [newRing(), newRing()].map((keys) => aes256GcmEncryptor({ keys })) as [
      typeof encryptor,
      typeof encryptor,
    ];
    const [one, two] = [await first.encrypt(plaintext), await second.encrypt(plaintext)];
    expect(headerOf(one)).not.toEqual(headerOf(two));
    expect(plaintext.equals(await second.decrypt(one))).toBe(true);
    expect(plaintext.equals(await first.decrypt(two))).toBe(true);
  });

  it("makes ciphertexts that an independent reader with the ring's key opens", async () => {
    const ciphertext = Buffer.from(await encryptor.encrypt(plaintext));
    const derive = (key: Uint8Array, salt: Uint8Array, label: string, length: number) =>
      Buffer.from(hkdfSync("sha256", key, salt, label, length));
    const decrypt = (key: Buffer, nonce: Buffer, sealed: Buffer, data: string) => {
      const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
      decipher.setAAD(Buffer.from(data)).setAuthTag(sealed.subarray(-16));
      return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
    };
    expect(ciphertext.subarray(0, 8)).toEqual(Buffer.from("\x05key-1\0\x48", "latin1"));
    const wrap = derive(KEY, ciphertext.subarray(8, 32), "handlevault v1 key wrap", 44);
    const dataKey = decrypt(
      wrap.subarray(0, 32),
      wrap.subarray(32),
      ciphertext.subarray(32, 80),
      "key-1",
    );
    const keys = derive(dataKey, Buffer.alloc(0), "handlevault v1 data key", 64);
    expect(ciphertext.subarray(80, 112)).toEqual(keys.subarray(32));
    const opened = decrypt(keys.subarray(0, 32), nonceOf(ciphertext), ciphertext.subarray(124), "");
    expect(opened).toEqual(plaintext);
  });

  it("refuses every other context, and a missing one", async () => {
    const bound = await encryptor.encrypt(plaintext, CONTEXT);
    const unbound = await encryptor.encrypt(plaintext);
    for (const other of [...OTHER_CONTEXTS, undefined]) {
      expect(await codeThrownBy(() => encryptor.decrypt(bound, other))).toBe(INTEGRITY);
    }
    expect(await codeThrownBy(() => encryptor.decrypt(unbound, CONTEXT))).toBe(INTEGRITY);
    expect(plaintext.equals(await encryptor.decrypt(bound, { ...CONTEXT }))).toBe(true);
  });

  it("names the key that a ciphertext depends on, in any Uint8Array", async () => {
    const ciphertext = await encryptor.encrypt(plaintext);
    expect(encryptor.keyIdOf(ciphertext)).toBe("key-1");
    expect(encryptor.keyIdOf(new Uint8Array(ciphertext))).toBe("key-1");
    for (let length = 0; length < 6; length++) {
      const cut = ciphertext.subarray(0, length);
      expect(await codeThrownBy(() => encryptor.keyIdOf(cut))).toBe(KEY_NOT_FOUND);
    }
  });

  it("opens a ciphertext from any part of any Uint8Array", async () => {
    const ciphertext = await encryptor.encrypt(plaintext);
    const shifted = new Uint8Array(ciphertext.length + 10);
    shifted.set(ciphertext, 7);
    const view = shifted.subarray(7, 7 + ciphertext.length);
    expect(plaintext.equals(await encryptor.decrypt(view))).toBe(true);
  });

  it("returns plaintexts in separate memory", async () => {
    const ciphertext = await encryptor.encrypt(plaintext);
    (await encryptor.decrypt(ciphertext)).fill(0);
    expect(plaintext.equals(await encryptor.decrypt(ciphertext))).toBe(true);
  });

  it("refuses another ring: with KeyNotFoundError if the id differs, with RecordIntegrityError if only the key does", async () => {
    const ciphertext = await encryptor.encrypt(plaintext);
    const openWith = (id: string) => {
      const keys = KeyRing.from({ current: id, keys: { [id]: generateKey() } });
      return codeThrownBy(() => aes256GcmEncryptor({ keys }).decrypt(ciphertext));
    };
    expect(await openWith("key-2")).toBe(KEY_NOT_FOUND);
    expect(await openWith("key-1")).toBe(INTEGRITY);
  });
});

describe("rewrapping", () => {
  it("does nothing to a ciphertext that is under the current key", async () => {
    const encryptor = aes256GcmEncryptor({ keys: newRing() });
    expect(await encryptor.rewrap(await encryptor.encrypt(plaintext))).toBeUndefined();
  });

  it("replaces the header and keeps the payload, which opens as before", async () => {
    const ring = newRing();
    const encryptor = aes256GcmEncryptor({ keys: ring });
    const before = Buffer.from(await encryptor.encrypt(plaintext, CONTEXT));
    rotate(ring, "key-2", generateKey());
    const after = Buffer.from((await encryptor.rewrap(before)) ?? []);
    expect(encryptor.keyIdOf(after)).toBe("key-2");
    expect(after.subarray(HEADER_BYTES)).toEqual(before.subarray(HEADER_BYTES));
    expect(after.subarray(80, 112)).toEqual(before.subarray(80, 112));
    expect(after.subarray(0, 80)).not.toEqual(before.subarray(0, 80));
    expect(plaintext.equals(await encryptor.decrypt(after, CONTEXT))).toBe(true);
    expect(await encryptor.rewrap(after)).toBeUndefined();
  });

  it("keeps a ciphertext readable after its old key is removed", async () => {
    const ring = newRing();
    const encryptor = aes256GcmEncryptor({ keys: ring });
    const kept = await encryptor.encrypt(plaintext, CONTEXT);
    const lost = await encryptor.encrypt(plaintext, CONTEXT);
    rotate(ring, "key-2", generateKey());
    const rewrapped = (await encryptor.rewrap(kept)) ?? new Uint8Array();
    ring.remove("key-1", { force: true });
    expect(plaintext.equals(await encryptor.decrypt(rewrapped, CONTEXT))).toBe(true);
    for (const gone of [lost, kept]) {
      expect(await codeThrownBy(() => encryptor.decrypt(gone, CONTEXT))).toBe(KEY_NOT_FOUND);
      expect(await codeThrownBy(() => encryptor.rewrap(gone))).toBe(KEY_NOT_FOUND);
    }
  });

  it("keeps the binding to the context", async () => {
    const ring = newRing();
    const encryptor = aes256GcmEncryptor({ keys: ring });
    const ciphertext = await encryptor.encrypt(plaintext, CONTEXT);
    rotate(ring, "key-2", generateKey());
    const rewrapped = (await encryptor.rewrap(ciphertext)) ?? new Uint8Array();
    for (const other of OTHER_CONTEXTS) {
      expect(await codeThrownBy(() => encryptor.decrypt(rewrapped, other))).toBe(INTEGRITY);
    }
  });

  it("refuses a damaged wrapped key or commitment instead of rewrapping it", async () => {
    const ring = newRing();
    const encryptor = aes256GcmEncryptor({ keys: ring });
    const ciphertext = Buffer.from(await encryptor.encrypt(plaintext));
    rotate(ring, "key-2", generateKey());
    for (const at of [8, 40, 79, 80, 111]) {
      const damaged = Buffer.from(ciphertext);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
      expect(await codeThrownBy(() => encryptor.rewrap(damaged))).toBe(INTEGRITY);
    }
  });

  it("records that share a data key share its new header", async () => {
    const ring = newRing();
    const encryptor = aes256GcmEncryptor({ keys: ring });
    const [one, two] = [await encryptor.encrypt(plaintext), await encryptor.encrypt(plaintext)];
    rotate(ring, "key-2", generateKey());
    const [first, second] = [await encryptor.rewrap(one), await encryptor.rewrap(two)];
    expect(headerOf(first ?? one)).toEqual(headerOf(second ?? two));
    expect(first).not.toEqual(second);
  });
});
