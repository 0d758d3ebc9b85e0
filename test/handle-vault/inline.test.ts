import { describe, expect, it } from "vitest";
import {
  aes256GcmEncryptor,
  type Encryptor,
  HandleVault,
  KeyRing,
  memoryCache,
  VaultCodec,
} from "../../src/index.js";
import type { CacheBackend, CacheRecord } from "../../src/vault/contracts.js";
import { overriding } from "../support/failing-cache.js";
import { OWNER, sealOptions } from "../support/vault.js";

const INLINE_BYTES = [undefined, 0, 100, 32_768];

describe.each(INLINE_BYTES)("a cache that wants %s bytes in its heads", (wanted) => {
  const largest = wanted ?? 4096;

  it("stores payloads up to that size in the head, and larger ones in a body", async () => {
    const { cache, stored } = watched(wanted);
    await using vault = new HandleVault({ cache });
    for (const text of ["x".repeat(largest), "x".repeat(largest + 1)]) {
      const { id } = await vault.seal(text, sealOptions());
      expect(await vault.unseal(id, OWNER)).toBe(text);
    }
    expect(stored.map(({ body }) => body?.length)).toEqual([undefined, largest + 1]);
  });

  it("counts bytes of UTF-8, not characters", async () => {
    const { cache, stored } = watched(wanted);
    await using vault = new HandleVault({ cache });
    await vault.seal("é".repeat(Math.floor(largest / 2)), sealOptions());
    await vault.seal("é".repeat(Math.floor(largest / 2) + 1), sealOptions());
    expect(stored.map(({ body }) => body !== undefined)).toEqual([false, true]);
  });
});

it.each([-1, 0.5, 32_769, Number.NaN])("a cache cannot want %s bytes in its heads", (wanted) => {
  const { cache } = watched(wanted);
  expect(() => new HandleVault({ cache })).toThrow(RangeError);
});

it.each([0, 1, 17, 64])(
  "a cache that writes %s bytes before its heads gets space for them",
  async (frontBytes) => {
    const encryptor = aes256GcmEncryptor({ keys: KeyRing.ephemeral() });
    const { encrypt, decrypt } = encryptor;
    const plain: Encryptor = {
      durable: false,
      encrypt: encrypt.bind(encryptor),
      decrypt: decrypt.bind(encryptor),
    };
    for (const own of [encryptor, plain]) {
      const { cache, stored } = watched(undefined);
      await using vault = new HandleVault({
        cache: Object.assign(cache, { frontBytes }),
        codec: new VaultCodec({ encryptor: own }),
      });
      const payloads = ["small", "x".repeat(5000), "small again"];
      for (const text of payloads) await vault.seal(text, sealOptions());
      const heads = stored.map(({ head }) => Buffer.from(head));
      for (const { head, frontBytes: room } of stored) {
        expect(room).toBe(frontBytes);
        new Uint8Array(head.buffer, head.byteOffset - frontBytes, frontBytes).fill(1);
      }
      expect(stored.map(({ head }) => Buffer.from(head))).toEqual(heads);
    }
  },
);

it.each([-1, 0.5, 65, Number.NaN])(
  "a cache cannot write %s bytes before its heads",
  (frontBytes) => {
    const { cache } = watched(undefined);
    expect(() => new HandleVault({ cache: Object.assign(cache, { frontBytes }) })).toThrow(
      RangeError,
    );
  },
);

function watched(maxInlineBytes: number | undefined) {
  const memory = memoryCache();
  const stored: CacheRecord[] = [];
  const insert: CacheBackend["insert"] = (key, record, options) => {
    stored.push(record);
    return memory.insert(key, record, options);
  };
  const wish = maxInlineBytes === undefined ? {} : { maxInlineBytes };
  return { cache: Object.assign(overriding(memory, { insert }), wish), stored };
}
