import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { aes256GcmEncryptor } from "../../src/codec/encryptor/aes-256-gcm.js";
import { generateKey, KeyRing } from "../../src/keys/key-ring.js";
import type { Encryptor, KeyProvider } from "../../src/vault/contracts.js";
import { pseudoRandomBytes } from "../support/bytes.js";
import { CONTEXT } from "../support/contexts.js";
import { FakeKms } from "../support/fake-kms.js";
import { rotate as rotateTo } from "../support/rotation.js";

const WRITERS = 8;
const READERS = 16;
const ROUNDS = 40;

interface Rotatable extends KeyProvider {
  rotate(keyId: string): void;
}

function rotatableRing(): Rotatable {
  const ring = KeyRing.from({ current: "key-0", keys: { "key-0": generateKey() } });
  return {
    durable: true,
    currentKeyId() {
      return ring.currentKeyId();
    },
    epoch() {
      return ring.epoch();
    },
    wrap: (dataKey) => ring.wrap(dataKey),
    unwrap: (wrapped) => ring.unwrap(wrapped),
    rotate: (keyId) => rotateTo(ring, keyId, generateKey()),
  };
}

/** Writes, reads, rewraps and rotates concurrently; returns the number of reads and the errors. */
async function runLoad(keys: Rotatable, encryptors: readonly Required<Encryptor>[]) {
  const sealed: { bytes: Uint8Array; plaintext: Buffer }[] = [];
  const used = new Set<string>();
  let reads = 0;
  let wrong = 0;
  const encryptorAt = (index: number) => {
    const encryptor = encryptors[index % encryptors.length];
    if (encryptor === undefined) throw new Error("at least one encryptor is needed");
    return encryptor;
  };
  const write = async (index: number) => {
    for (let round = 0; round < ROUNDS; round++) {
      const plaintext = pseudoRandomBytes(50, index * ROUNDS + round + 1);
      const bytes = await encryptorAt(index).encrypt(plaintext, CONTEXT);
      used.add(encryptorAt(index).keyIdOf(bytes));
      sealed.push({ bytes, plaintext });
      await setImmediate();
    }
  };
  const read = async (index: number) => {
    for (let round = 0; round < 2 * ROUNDS; round++) {
      const record = sealed[(round * 31 + index * 17) % Math.max(sealed.length, 1)];
      if (record !== undefined) {
        if (round % 8 === 0) {
          record.bytes = (await encryptorAt(index).rewrap(record.bytes)) ?? record.bytes;
        }
        const opened = await encryptorAt(index + round).decrypt(record.bytes, CONTEXT);
        reads += 1;
        if (!record.plaintext.equals(opened)) wrong += 1;
      }
      await setImmediate();
    }
  };
  const rotate = async () => {
    for (let round = 1; round <= ROUNDS / 2; round++) {
      keys.rotate(`rotated-${round}`);
      await setImmediate();
      await setImmediate();
    }
  };
  await Promise.all([
    ...Array.from({ length: WRITERS }, (_, index) => write(index)),
    ...Array.from({ length: READERS }, (_, index) => read(index)),
    rotate(),
  ]);
  for (const record of sealed) {
    const opened = await encryptorAt(0).decrypt(record.bytes, CONTEXT);
    if (!record.plaintext.equals(opened)) wrong += 1;
  }
  return { sealed: sealed.length, reads, wrong, keysUsed: used.size };
}

const providers: [string, () => Rotatable][] = [
  ["a key ring", rotatableRing],
  ["a key management service", () => new FakeKms()],
];

describe.each(providers)("rotating %s under load", (_, makeKeys) => {
  it("loses no read and no record, in one encryptor or in several", async () => {
    for (const instances of [1, 3]) {
      const keys = makeKeys();
      const encryptors = Array.from({ length: instances }, () => aes256GcmEncryptor({ keys }));
      const result = await runLoad(keys, encryptors);
      expect(result.wrong).toBe(0);
      expect(result.sealed).toBe(WRITERS * ROUNDS);
      expect(result.reads).toBeGreaterThan(READERS * ROUNDS);
      expect(result.keysUsed).toBeGreaterThan(3);
    }
  });
});
