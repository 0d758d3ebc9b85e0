import { afterEach, describe, expect, it, vi } from "vitest";
import { type LruCacheOptions, lruCache } from "../../src/cache/lru.js";
import { CacheFullError } from "../../src/errors.js";
import { type CacheBackend, HandleVault, isVaultError } from "../../src/index.js";
import { bytes, keysOf, ManualClock, put, revisionOf, rewrite } from "./in-process.js";

async function opened(options: Partial<LruCacheOptions> = {}) {
  const clock = new ManualClock();
  const cache = lruCache({ maxEntries: 3, elapsedMs: clock.elapsedMs, ...options });
  await cache.ready();
  return { cache, clock };
}

async function filled(keys: string, options: Partial<LruCacheOptions> = {}, purgeAfterMs = 1000) {
  const { cache, clock } = await opened(options);
  for (const key of keys) await put(cache, key, { purgeAfterMs });
  return { cache, clock };
}

/** Returns those of `keys` that have a record, without counting a use. */
async function present(cache: CacheBackend, keys: string): Promise<string> {
  const all = await keysOf(cache);
  return [...keys].filter((key) => all.includes(key)).join("");
}

describe("a full LRU cache", () => {
  it("evicts the record that was inserted first when none was used", async () => {
    const { cache } = await filled("abcd");
    expect(await present(cache, "abcd")).toBe("bcd");
  });

  it.each<[string, (cache: CacheBackend) => unknown]>([
    ["get", (cache) => cache.get("a")],
    ["getBody", (cache) => cache.getBody("a")],
    ["replace", (cache) => rewrite(cache, "a", 5)],
  ])("counts a %s as a use", async (_, use) => {
    const { cache } = await filled("abc");
    await use(cache);
    await put(cache, "d");
    expect(await present(cache, "abcd")).toBe("acd");
  });

  it.each<[string, (cache: CacheBackend) => unknown]>([
    ["a scan", (cache) => cache.scan()],
    ["a purge", (cache) => cache.purgeExpired(10)],
    ["a refused insert", (cache) => put(cache, "a")],
    ["a conflict", (cache) => cache.replace("a", bytes(1), { ifRevision: -1 })],
  ])("does not count %s as a use", async (_, call) => {
    const { cache, clock } = await opened();
    await put(cache, "a", { purgeAfterMs: 1000 });
    const ifRevision = await revisionOf(cache, "a");
    await cache.replace("a", bytes(10), { ifRevision, purgeAfterMs: 9000 });
    for (const key of "bc") await put(cache, key, { purgeAfterMs: 9000 });
    clock.nowMs = 1000;
    await call(cache);
    await put(cache, "d");
    expect(await present(cache, "abcd")).toBe("bcd");
  });

  it("evicts as many records as the bytes of a new one need", async () => {
    const { cache } = await filled("abcde", { maxEntries: 100, maxBytes: 55 });
    await put(cache, "f", { byteCount: 30 });
    expect(await present(cache, "abcdef")).toBe("def");
  });

  it("evicts other records for a replacement that grows, and keeps the replaced one", async () => {
    const { cache } = await filled("abc", { maxBytes: 33 });
    expect(await rewrite(cache, "a", 20)).toBe("replaced");
    expect(await present(cache, "abc")).toBe("ac");
    expect(await cache.get("a")).toMatchObject({ head: bytes(20) });
  });

  it("counts the bytes of key, head and body", async () => {
    const { cache } = await opened({ maxBytes: 20 });
    const record = { head: bytes(5), body: bytes(5) };
    for (const key of ["12345", "67890"]) {
      await cache.insert(key, record, { purgeAfterMs: 1000 });
      expect(await keysOf(cache)).toEqual([key]);
    }
    await cache.replace("67890", bytes(5), {
      ifRevision: await revisionOf(cache, "67890"),
      dropBody: true,
    });
    await put(cache, "12345", { byteCount: 5 });
    expect(await keysOf(cache)).toEqual(["67890", "12345"]);
  });

  it("purges due records before it evicts any", async () => {
    const { cache, clock } = await opened();
    for (const key of "ab") await put(cache, key, { purgeAfterMs: 9000 });
    await put(cache, "c", { purgeAfterMs: 1000 });
    clock.nowMs = 1000;
    await put(cache, "d");
    expect(await present(cache, "abcd")).toBe("abd");
    expect(await cache.get("c")).toBeUndefined();
  });
});

describe("an LRU cache that compacts its memory after many deletions", () => {
  // A fault would be visible here: records are moved from the last used to the first, and moving must not
  // count as a use.
  it("still evicts the least recently used", async () => {
    const { cache } = await filled("abcd", { maxEntries: 5 });
    for (let round = 0; round < 4; round++) {
      await put(cache, "passing", { byteCount: 100_000 });
      await cache.delete("passing");
    }
    for (const key of "efg") await put(cache, key);
    expect(await present(cache, "abcdefg")).toBe("cdefg");
  });
});

describe("an evicted key", () => {
  it("is reported as evicted until its purge time, and as missing from then on", async () => {
    const { cache, clock } = await filled("abcd", {}, 1000);
    clock.nowMs = 999;
    expect(await cache.get("a")).toBe("evicted");
    expect(await cache.getBody("a")).toBeUndefined();
    clock.nowMs = 1000;
    expect(await cache.get("a")).toBeUndefined();
    clock.nowMs = 0;
    expect(await cache.get("a")).toBeUndefined();
  });

  it("has the purge time that a replacement set", async () => {
    const { cache, clock } = await opened({ maxEntries: 1 });
    await put(cache, "a", { purgeAfterMs: 1000 });
    const ifRevision = await revisionOf(cache, "a");
    await cache.replace("a", bytes(1), { ifRevision, purgeAfterMs: 5000 });
    await put(cache, "b");
    clock.nowMs = 4999;
    expect(await cache.get("a")).toBe("evicted");
  });

  it("is free for a new record, and absent to replace and delete", async () => {
    const { cache } = await filled("abcd");
    expect(await cache.replace("a", bytes(1), { ifRevision: 1 })).toBe("absent");
    expect(await put(cache, "a")).toBe("inserted");
    expect(await cache.get("a")).toMatchObject({ head: bytes(10) });
    expect(await cache.get("b")).toBe("evicted");
    expect(await cache.delete("b")).toBe(false);
    expect(await cache.get("b")).toBeUndefined();
  });

  it("is forgotten when more keys are evicted than may be remembered", async () => {
    const { cache } = await filled("abcdefg", { maxTombstones: 2 });
    const answers = await Promise.all([..."abcd"].map(async (key) => cache.get(key)));
    expect(answers).toEqual([undefined, undefined, "evicted", "evicted"]);
  });

  it("is remembered among as many keys as there may be entries, by default", async () => {
    const { cache } = await filled("abcdefg");
    const answers = await Promise.all([..."abcd"].map(async (key) => cache.get(key)));
    expect(answers).toEqual([undefined, "evicted", "evicted", "evicted"]);
  });

  it("is not remembered if none may be remembered", async () => {
    const { cache } = await filled("abcd", { maxTombstones: 0 });
    expect(await cache.get("a")).toBeUndefined();
  });

  it("makes a vault throw HandleEvictedError", async () => {
    await using vault = new HandleVault({ cache: lruCache({ maxEntries: 2 }) });
    const options = { ownerPrincipal: "owner", safeView: "a value" };
    const [first, second] = [await vault.seal("1", options), await vault.seal("2", options)];
    await vault.unseal(first.id, "owner");
    await vault.seal("3", options);
    expect(await vault.unseal(first.id, "owner")).toBe("1");
    const error: unknown = await vault
      .unseal(second.id, "owner")
      .catch((reason: unknown) => reason);
    expect(isVaultError(error, "ERR_VAULT_HANDLE_EVICTED")).toBe(true);
  });
});

describe("a removal that is not an eviction", () => {
  it.each<[string, (cache: CacheBackend, clock: ManualClock) => unknown]>([
    ["deleted", (cache) => cache.delete("a")],
    [
      "replaced by nothing",
      async (cache) => cache.replace("a", undefined, { ifRevision: await revisionOf(cache, "a") }),
    ],
    [
      "purged",
      (cache, clock) => {
        clock.nowMs = 1000;
        return cache.purgeExpired(10);
      },
    ],
  ])("leaves a record that was %s missing, and is not counted", async (_, remove) => {
    const onEvict = vi.fn();
    const { cache, clock } = await filled("abc", { onEvict });
    await remove(cache, clock);
    clock.nowMs = 0;
    expect(await cache.get("a")).toBeUndefined();
    expect(onEvict).not.toHaveBeenCalled();
  });

  it("leaves a record that was replaced in place, and is not counted", async () => {
    const onEvict = vi.fn();
    const { cache } = await filled("abc", { onEvict, maxBytes: 1000 });
    await rewrite(cache, "a", 20);
    await cache.close();
    expect(onEvict).not.toHaveBeenCalled();
  });
});

describe("onEvict", () => {
  it("is called for each eviction with the number of evictions so far", async () => {
    const onEvict = vi.fn();
    const { cache } = await filled("abcde", { maxEntries: 100, maxBytes: 55, onEvict });
    await put(cache, "f", { byteCount: 30 });
    expect(onEvict.mock.calls).toEqual([[1], [2], [3]]);
  });
});

describe("a record larger than an LRU cache", () => {
  it("is refused when it is new, and nothing is evicted for it", async () => {
    const onEvict = vi.fn();
    const { cache } = await filled("abc", { maxBytes: 33, onEvict });
    await expect(put(cache, "d", { byteCount: 33 })).rejects.toThrow(CacheFullError);
    expect(await present(cache, "abcd")).toBe("abc");
    expect(onEvict).not.toHaveBeenCalled();
  });

  it("is refused as a replacement, and the old value stays", async () => {
    const { cache } = await filled("abc", { maxBytes: 33 });
    const revision = await revisionOf(cache, "a");
    await expect(rewrite(cache, "a", 33)).rejects.toThrow(CacheFullError);
    expect(await cache.get("a")).toMatchObject({ head: bytes(10), revision });
    expect(await present(cache, "abc")).toBe("abc");
  });

  it("is refused for an evicted key, which stays evicted", async () => {
    const { cache } = await filled("abcd", { maxBytes: 33 });
    await expect(put(cache, "a", { byteCount: 33 })).rejects.toThrow(CacheFullError);
    expect(await cache.get("a")).toBe("evicted");
  });

  it("is accepted if it fits exactly, and evicts all others", async () => {
    const { cache } = await filled("abc", { maxBytes: 33 });
    expect(await put(cache, "d", { byteCount: 32 })).toBe("inserted");
    expect(await present(cache, "abcd")).toBe("d");
  });
});

describe("lruCache options", () => {
  it.each<[string, unknown, ErrorConstructor, string]>([
    ["maxEntries left out", {}, TypeError, "maxEntries"],
    ["maxEntries below one", { maxEntries: 0 }, RangeError, "maxEntries"],
    ["maxBytes below one", { maxEntries: 1, maxBytes: 0 }, RangeError, "maxBytes"],
    ["maxBytes of the wrong type", { maxEntries: 1, maxBytes: "1" }, TypeError, "maxBytes"],
    ["maxTombstones below none", { maxEntries: 1, maxTombstones: -1 }, RangeError, "maxTombstones"],
    ["an unknown option", { maxEntries: 1, ttl: 5 }, TypeError, "ttl"],
    ["something else than an object", undefined, TypeError, "lruCache options"],
  ])("refuse %s by name", (_, options, kind, name) => {
    const make = () => lruCache(options as LruCacheOptions);
    expect(make).toThrow(kind);
    expect(make).toThrow(name);
  });
});

describe("the package lru-cache", () => {
  afterEach(() => {
    vi.doUnmock("lru-cache");
    vi.resetModules();
  });

  it("is loaded by ready(), not before", async () => {
    let loads = 0;
    vi.resetModules();
    vi.doMock("lru-cache", async (importOriginal) => {
      loads += 1;
      return importOriginal();
    });
    const fresh = await import("../../src/cache/lru.js");
    const cache = fresh.lruCache({ maxEntries: 1 });
    expect(loads).toBe(0);
    expect(await cache.ready()).toEqual({ durability: "none", evicts: true });
    expect(loads).toBe(1);
    await cache.close();
  });

  it("is not loaded by closing a cache that was never used", async () => {
    vi.resetModules();
    vi.doMock("lru-cache", () => {
      throw new Error("it was loaded");
    });
    const fresh = await import("../../src/cache/lru.js");
    await fresh.lruCache({ maxEntries: 1 }).close();
    const ready = async () => fresh.lruCache({ maxEntries: 1 }).ready();
    const error: unknown = await ready().catch((reason: unknown) => reason);
    expect(isVaultError(error, "ERR_VAULT_PEER_BROKEN")).toBe(true);
  });
});
