import { describe, expect, it } from "vitest";
import { HandleVault, memoryCache } from "../../src/index.js";
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
