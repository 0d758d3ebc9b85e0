import { randomInt } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  aes256GcmEncryptor,
  type CacheBackend,
  type Encryptor,
  generateKey,
  HandleVault,
  KeyRing,
  memoryCache,
  VaultCodec,
} from "../../src/index.js";
import type { CacheRecord } from "../../src/vault/contracts.js";
import { overriding } from "../support/failing-cache.js";
import { FakeKms } from "../support/fake-kms.js";
import { OWNER, sealOptions } from "../support/vault.js";

const ring = (): KeyRing => KeyRing.from({ current: "k", keys: { k: generateKey() } });

/** Returns an encryptor that is not the library's own, synchronous or asynchronous. */
function foreign(answer: "at once" | "later"): Encryptor {
  const other = aes256GcmEncryptor({ keys: ring() });
  return {
    durable: true,
    encrypt: (plaintext, context) =>
      answer === "at once" ? other.encrypt(plaintext, context) : later(plaintext, context),
    decrypt: (ciphertext, context) => other.decrypt(ciphertext, context),
  };

  async function later(...[plaintext, context]: Parameters<Encryptor["encrypt"]>) {
    const copy = Uint8Array.from(plaintext);
    await new Promise((resolve) => setImmediate(resolve));
    return other.encrypt(copy, context);
  }
}

const ENCRYPTORS: readonly [how: string, encryptor: Encryptor][] = [
  ["at once", aes256GcmEncryptor({ keys: ring() })],
  ["under keys of a key management service", aes256GcmEncryptor({ keys: new FakeKms() })],
  ["at once, by another encryptor", foreign("at once")],
  ["later, by another encryptor", foreign("later")],
];

/** Returns a cache that keeps the record objects it receives, and copies of their contents at that time. */
function keeping() {
  const memory = memoryCache();
  const handedOver: { readonly record: CacheRecord; readonly head: Buffer }[] = [];
  const insert: CacheBackend["insert"] = (key, record, options) => {
    handedOver.push({ record, head: Buffer.from(record.head) });
    return memory.insert(key, record, options);
  };
  return { cache: overriding(memory, { insert }), handedOver };
}

/** Returns whether the heads of two records share a byte of memory. */
function overlap(one: CacheRecord, other: CacheRecord): boolean {
  if (one.head.buffer !== other.head.buffer) return false;
  const [first, second] = one.head.byteOffset < other.head.byteOffset ? [one, other] : [other, one];
  return endOf(first) > second.head.byteOffset;
}

function endOf({ head }: CacheRecord): number {
  return head.byteOffset + head.byteLength;
}

describe.each(ENCRYPTORS)("heads that are encrypted %s", (_, encryptor) => {
  it("share no byte with others, in any vault", async () => {
    const codec = new VaultCodec({ encryptor });
    const caches = [keeping(), keeping()];
    const vaults = caches.map(({ cache }) => new HandleVault({ cache, codec }));
    const seals = Array.from({ length: 400 }, async (_, index) => {
      const vault = vaults[index % vaults.length] as HandleVault;
      const payload = `${index} ${"x".repeat(randomInt(3) * 4500)}`;
      const { id } = await vault.seal(payload, sealOptions());
      return { vault, id, payload };
    });
    const sealed = await Promise.all(seals);
    const handedOver = caches.flatMap((each) => each.handedOver);
    const records = handedOver.map(({ record }) => record);
    const inOrder = records.toSorted((a, b) => a.head.byteOffset - b.head.byteOffset);
    for (const [index, record] of inOrder.entries()) {
      expect(inOrder.slice(index + 1).some((other) => overlap(record, other))).toBe(false);
    }
    for (const { record, head } of handedOver) expect(record.head).toEqual(head);
    for (const { vault, id, payload } of sealed)
      expect(await vault.unseal(id, OWNER)).toBe(payload);
    for (const vault of vaults) await vault.close();
  });
});

describe("a seal during another seal", () => {
  it.each(["at once", "later"])(
    "does not affect it, when the key provider that seals answers %s",
    async (when) => {
      const own = ring();
      await using journal = new HandleVault();
      const entries: Promise<{ readonly id: string }>[] = [];
      const wrap: KeyRing["wrap"] = (dataKey) => {
        entries.push(journal.seal("an entry", { ownerPrincipal: OWNER, safeView: "" }));
        return own.wrap(dataKey);
      };
      await journal.seal("the first waits for its cache", { ownerPrincipal: OWNER, safeView: "" });
      const keys = {
        durable: true,
        currentKeyId: () => "k",
        epoch: () => 0,
        unwrap: own.unwrap.bind(own),
        wrap: when === "at once" ? wrap : async (dataKey: Uint8Array) => wrap(dataKey),
      };
      await using vault = new HandleVault({
        codec: new VaultCodec({ encryptor: aes256GcmEncryptor({ keys }) }),
      });
      const { id } = await vault.seal("4711", sealOptions());
      expect(await vault.unseal(id, OWNER)).toBe("4711");
      const [entry] = await Promise.all(entries);
      expect(await journal.unseal(entry?.id ?? "", OWNER)).toBe("an entry");
    },
  );
});
