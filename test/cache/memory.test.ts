import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { CacheFullError, CacheUnavailableError } from "../../src/errors.js";
import {
  type CacheBackend,
  HandleVault,
  type MemoryCacheOptions,
  memoryCache,
} from "../../src/index.js";
import { bytes, keysOf, ManualClock, put, revisionOf, rewrite } from "./in-process.js";

async function opened(options: MemoryCacheOptions = {}) {
  const clock = new ManualClock();
  const cache = memoryCache({ elapsedMs: clock.elapsedMs, ...options });
  await cache.ready();
  return { cache, clock };
}

async function filled(options: MemoryCacheOptions, keys: readonly string[], purgeAfterMs = 1000) {
  const { cache, clock } = await opened(options);
  for (const key of keys) await put(cache, key, { purgeAfterMs });
  return { cache, clock };
}

describe("a full memory cache", () => {
  it.each([
    ["entries", { maxEntries: 3 }],
    ["bytes", { maxBytes: 33 }],
  ])("refuses an insert beyond its bound of %s and loses nothing", async (_, bounds) => {
    const { cache } = await filled(bounds, ["a", "b", "c"]);
    await expect(put(cache, "d")).rejects.toThrow(CacheFullError);
    expect(await cache.get("d")).toBeUndefined();
    for (const key of ["a", "b", "c"]) {
      expect(await cache.get(key)).toMatchObject({ head: bytes(10), hasBody: false });
    }
  });

  it("returns exists rather than full for an insert of an existing key", async () => {
    const { cache } = await filled({ maxEntries: 1 }, ["a"]);
    expect(await put(cache, "a")).toBe("exists");
  });

  it("accepts again once a record was deleted", async () => {
    const { cache } = await filled({ maxEntries: 2, maxBytes: 22 }, ["a", "b"]);
    await cache.delete("a");
    expect(await put(cache, "c")).toBe("inserted");
    await cache.replace("b", undefined, { ifRevision: await revisionOf(cache, "b") });
    expect(await put(cache, "d")).toBe("inserted");
    await expect(put(cache, "e")).rejects.toThrow(CacheFullError);
  });

  it("accepts again once records are due, not a millisecond before", async () => {
    const { cache, clock } = await filled({ maxEntries: 2 }, ["a", "b"], 1000);
    clock.nowMs = 999;
    await expect(put(cache, "c")).rejects.toThrow(CacheFullError);
    clock.nowMs = 1000;
    expect(await put(cache, "c")).toBe("inserted");
  });

  it("purges as many due records as a large one needs, the earliest purge time first", async () => {
    const { cache, clock } = await opened({ maxBytes: 110 });
    for (const [index, key] of [..."jihgfedcba"].entries()) {
      await put(cache, key, { purgeAfterMs: 1000 - index });
    }
    clock.nowMs = 1000;
    expect(await put(cache, "large", { byteCount: 60 })).toBe("inserted");
    expect(await keysOf(cache)).toEqual(["j", "i", "h", "g", "large"]);
  });

  it("refuses a record that could never fit", async () => {
    const { cache } = await filled({ maxBytes: 30 }, ["a"]);
    await expect(put(cache, "b", { byteCount: 30 })).rejects.toThrow(CacheFullError);
    const record = { head: bytes(1), body: bytes(29) };
    expect(() => cache.insert("b", record, { purgeAfterMs: 1000 })).toThrow(CacheFullError);
    expect(await keysOf(cache)).toEqual(["a"]);
  });

  it("refuses a replacement that grows beyond its bytes, and keeps the record", async () => {
    const { cache } = await filled({ maxBytes: 25 }, ["a", "b"]);
    const ifRevision = await revisionOf(cache, "a");
    await expect(rewrite(cache, "a", 14)).rejects.toThrow(CacheFullError);
    expect(await cache.get("a")).toMatchObject({ head: bytes(10), revision: ifRevision });
    expect(await rewrite(cache, "a", 13)).toBe("replaced");
    await expect(rewrite(cache, "b", 11)).rejects.toThrow(CacheFullError);
  });

  it("purges due records to make room for a replacement that grows", async () => {
    const { cache, clock } = await opened({ maxBytes: 30 });
    await put(cache, "due", { purgeAfterMs: 1000 });
    await put(cache, "grows", { purgeAfterMs: 9000 });
    clock.nowMs = 1000;
    expect(await rewrite(cache, "grows", 21)).toBe("replaced");
    expect(await keysOf(cache)).toEqual(["grows"]);
  });

  it("allows a replacement that does not grow, though it is full by entries", async () => {
    const { cache } = await filled({ maxEntries: 1, maxBytes: 11 }, ["a"]);
    expect(await rewrite(cache, "a", 10)).toBe("replaced");
    expect(await rewrite(cache, "a", 5)).toBe("replaced");
  });

  // Guards against a fault: the replacement purged its own record to make room, was stored nevertheless,
  // subtracted the bytes of the old record twice, and had no purge time any more.
  it("keeps its bound when the record that grows is itself due", async () => {
    const { cache, clock } = await opened({ maxBytes: 100 });
    await put(cache, "grows", { byteCount: 80, purgeAfterMs: 1000 });
    await put(cache, "other", { byteCount: 10, purgeAfterMs: 9000 });
    clock.nowMs = 1000;
    await rewrite(cache, "grows", 90).catch(() => "refused");
    const { entries } = await cache.scan();
    const used = entries.reduce((sum, { key, head }) => sum + key.length + head.length, 0);
    expect(used).toBeLessThanOrEqual(100);
  });

  it("eventually purges a record that grew while it was due", async () => {
    const { cache, clock } = await opened({ maxBytes: 50 });
    await put(cache, "grows", { byteCount: 40, purgeAfterMs: 1000 });
    clock.nowMs = 1000;
    await rewrite(cache, "grows", 46).catch(() => "refused");
    await rewrite(cache, "grows", 45).catch(() => "refused");
    await cache.purgeExpired(10);
    expect(await keysOf(cache)).toEqual([]);
  });
});

describe("an insert into a memory cache", () => {
  it("purges up to four due records first, so that no call of purgeExpired is needed", async () => {
    const { cache, clock } = await filled({}, [..."abcdefghij"]);
    clock.nowMs = 1000;
    await put(cache, "k");
    expect(await keysOf(cache)).toHaveLength(7);
    await put(cache, "l");
    expect(await keysOf(cache)).toHaveLength(4);
    await put(cache, "m");
    expect(await keysOf(cache)).toEqual(["k", "l", "m"]);
  });
});

describe("a memory cache that compacts its memory after many deletions", () => {
  it("keeps its records, their revisions and the bytes that it returned before", async () => {
    const { cache } = await opened();
    const names = Array.from({ length: 1000 }, (_, index) => `key ${index}`);
    const head = (index: number) => bytes(1024, index % 251);
    for (const [index, name] of names.entries()) {
      await cache.insert(name, { head: head(index) }, { purgeAfterMs: 1000 });
    }
    const before = (await cache.scan()).entries;
    const isKept = (index: number) => index % 10 === 0;
    for (const [index, name] of names.entries()) if (!isKept(index)) await cache.delete(name);
    const kept = (await cache.scan()).entries;
    expect(before.every((entry, index) => head(index).equals(entry.head))).toBe(true);
    expect(kept).toEqual(before.filter((_, index) => isKept(index)));
  });

  it("moves a few records with each write, so that no write takes long", async () => {
    const { cache } = await opened();
    const names = Array.from({ length: 5000 }, (_, index) => `key ${index}`);
    for (const name of names) await put(cache, name, { byteCount: 200 });
    const copies = vi.spyOn(Uint8Array.prototype, "set");
    const perWrite: number[] = [];
    for (const name of names.slice(0, 4500)) {
      copies.mockClear();
      await cache.delete(name);
      perWrite.push(copies.mock.calls.length);
    }
    vi.restoreAllMocks();
    expect(Math.max(...perWrite)).toBeLessThanOrEqual(16);
    expect(perWrite.reduce((sum, count) => sum + count)).toBeGreaterThan(500);
    expect(await keysOf(cache)).toEqual(names.slice(4500));
  });

  it("counts their bytes as before", async () => {
    const { cache } = await opened({ maxBytes: 400_000 });
    await put(cache, "kept", { byteCount: 996 });
    for (let round = 0; round < 10; round++) {
      await put(cache, "passing", { byteCount: 100_000 });
      await cache.delete("passing");
    }
    const fill = (byteCount: number) => put(cache, "fill", { byteCount: byteCount - 4 });
    await expect(fill(399_001)).rejects.toThrow(CacheFullError);
    expect(await fill(399_000)).toBe("inserted");
  });
});

describe("memoryCache options", () => {
  it.each<[string, unknown, ErrorConstructor, string]>([
    ["maxEntries of the wrong type", { maxEntries: "9" }, TypeError, "maxEntries"],
    ["maxEntries below one", { maxEntries: 0 }, RangeError, "maxEntries"],
    ["maxEntries that are not whole", { maxEntries: 1.5 }, RangeError, "maxEntries"],
    ["maxEntries beyond a Map's", { maxEntries: 2 ** 24 + 1 }, RangeError, "maxEntries"],
    ["maxBytes of the wrong type", { maxBytes: 9n }, TypeError, "maxBytes"],
    ["maxBytes below one", { maxBytes: 0 }, RangeError, "maxBytes"],
    ["maxBytes that are not a number", { maxBytes: Number.NaN }, RangeError, "maxBytes"],
    ["an unknown option", { maxEntrys: 1 }, TypeError, "maxEntrys"],
    ["something else than an object", null, TypeError, "memoryCache options"],
  ])("refuse %s by name", (_, options, kind, name) => {
    const make = () => memoryCache(options as MemoryCacheOptions);
    expect(make).toThrow(kind);
    expect(make).toThrow(name);
  });

  it("may each be undefined or absent", async () => {
    const options = { maxEntries: undefined, maxBytes: undefined, elapsedMs: undefined };
    for (const cache of [memoryCache(), memoryCache(options)]) {
      await cache.ready();
      expect(await put(cache, "a")).toBe("inserted");
    }
  });
});

describe("a memory cache", () => {
  it("declares that it keeps nothing beyond the process, and evicts nothing", async () => {
    const cache = memoryCache();
    expect(cache).toMatchObject({ shared: false, outlivesProcess: false });
    expect(await cache.ready()).toEqual({ durability: "none", evicts: false });
  });

  it.each<[string, (cache: CacheBackend) => unknown]>([
    ["insert", (cache) => put(cache, "a")],
    ["get", (cache) => cache.get("a")],
    ["getBody", (cache) => cache.getBody("a")],
    ["replace", (cache) => cache.replace("a", bytes(1), { ifRevision: 1 })],
    ["delete", (cache) => cache.delete("a")],
    ["scan", (cache) => cache.scan()],
  ])("is unavailable to %s before it is ready", async (_, call) => {
    const cache = memoryCache();
    await expect(async () => call(cache)).rejects.toThrow(CacheUnavailableError);
  });

  // purgeExpired reads only the queue of purge times, which exists before the records do.
  it("is unavailable to purgeExpired before it is ready", async () => {
    const cache = memoryCache();
    await expect(async () => cache.purgeExpired(1)).rejects.toThrow(CacheUnavailableError);
  });

  it("does not reveal its records to util.inspect and JSON.stringify", async () => {
    const { cache } = await opened();
    const record = { head: Buffer.from("canary-head"), body: Buffer.from("canary-body") };
    await cache.insert("canary-key", record, { purgeAfterMs: 1000 });
    const shown = [
      inspect(cache, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }),
      JSON.stringify(cache),
      String(cache),
    ];
    for (const text of shown) {
      expect(text).not.toMatch(/canary/);
      expect(text).not.toContain(Buffer.from("canary").toString("hex"));
    }
  });

  it("is the default cache of a vault", async () => {
    await using vault = new HandleVault({ cache: memoryCache({ maxEntries: 1 }) });
    const options = { ownerPrincipal: "owner", safeView: "a value" };
    const handle = await vault.seal("kept", options);
    await expect(vault.seal("refused", options)).rejects.toThrow(CacheFullError);
    expect(await vault.unseal(handle.id, "owner")).toBe("kept");
  });
});
