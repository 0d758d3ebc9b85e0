import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { Tables } from "../../src/cache/lmdb/tables.js";
import { lmdbCache, openLmdbCache } from "../../src/cache/lmdb.js";
import { CacheFullError, CacheUnavailableError } from "../../src/errors.js";
import type { CacheBackend } from "../../src/index.js";

const FOLDER = mkdtempSync(join(tmpdir(), "handlevault-lmdb-"));
const FOR_LONG = { purgeAfterMs: 3_600_000 };
const MEBIBYTE = 2 ** 20;
const HEAD = Buffer.from("head");
let files = 0;

afterEach(() => void vi.restoreAllMocks());
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

function newPath(): string {
  files += 1;
  return join(FOLDER, `${files}.mdb`);
}

/** Runs `use` with an opened cache and closes it. */
async function withCache<T>(
  use: (cache: CacheBackend, path: string) => Promise<T>,
  options: Parameters<typeof openLmdbCache>[1] = {},
): Promise<T> {
  const path = newPath();
  const cache = await openLmdbCache(path, options);
  try {
    return await use(cache, path);
  } finally {
    await cache.close();
  }
}

/** Opens an environment with the settings that the caches require. */
function openEnvironment(options: object = {}) {
  return open({ path: newPath(), overlappingSync: false, ...options });
}

function transactionsOf(environment: ReturnType<typeof openEnvironment>): number {
  return (environment.getStats() as { lastTxnId: number }).lastTxnId;
}

/** Counts the turns of the event loop from now on. */
function countedTurns() {
  const turns = { count: 0, stop: () => clearImmediate(next) };
  const count = () => {
    turns.count += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  return turns;
}

async function revisionOf(cache: CacheBackend, key: string): Promise<number | string> {
  const entry = await cache.get(key);
  assert(typeof entry === "object");
  return entry.revision;
}

describe("opening an LMDB cache", () => {
  it("declares the durability disk", async () => {
    await withCache(async (cache) => {
      expect(await cache.ready()).toEqual({ durability: "disk", evicts: false });
    });
  });

  it("creates a file that only its owner can read", async () => {
    await withCache(async (_, path) => {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(`${path}-lock`).mode & 0o777).toBe(0o600);
    });
  });

  it("disables overlappingSync, which loses acknowledged writes", async () => {
    await withCache(async (_, path) => {
      // lmdb throws if this option differs from that of the open environment.
      expect(() => open({ path, overlappingSync: true })).toThrow("overlappingSync");
    });
  });

  it("is unavailable if the folder does not exist, and does not create it", async () => {
    const folder = join(FOLDER, "missing");
    await expect(openLmdbCache(join(folder, "a.mdb"))).rejects.toThrow(CacheUnavailableError);
    expect(existsSync(folder)).toBe(false);
  });

  it("is unavailable if the path is a symbolic link or a folder", async () => {
    const [target, link] = [newPath(), newPath()];
    writeFileSync(target, "");
    symlinkSync(target, link);
    await expect(openLmdbCache(link)).rejects.toThrow(CacheUnavailableError);
    await expect(openLmdbCache(FOLDER)).rejects.toThrow(CacheUnavailableError);
  });

  it("is unavailable if the file is not an LMDB file, which stays unchanged", async () => {
    for (const content of ["SQLite format 3\0".repeat(1000), "x", "\0".repeat(16_384)]) {
      const path = newPath();
      writeFileSync(path, content);
      await expect(openLmdbCache(path)).rejects.toThrow(CacheUnavailableError);
      expect(statSync(path).size).toBe(content.length);
    }
  });

  it("can be repeated after it has failed", async () => {
    const path = newPath();
    writeFileSync(path, "no LMDB file, but soon");
    await expect(openLmdbCache(path)).rejects.toThrow(CacheUnavailableError);
    rmSync(path);
    const cache = await openLmdbCache(path);
    await cache.close();
  });

  it("refuses unknown options and invalid sizes", async () => {
    const path = newPath();
    await expect(openLmdbCache(path, { overlappingSync: true } as object)).rejects.toThrow(
      TypeError,
    );
    await expect(openLmdbCache(path, { minFreeBytes: 0 })).rejects.toThrow(RangeError);
    await expect(openLmdbCache("")).rejects.toThrow(TypeError);
    expect(existsSync(path)).toBe(false);
  });
});

describe("a file that is opened more than once in a process", () => {
  it("has one environment, and the last one to close closes it", async () => {
    const path = newPath();
    const [one, other] = await Promise.all([openLmdbCache(path), openLmdbCache(path)]);
    await one.insert("key", { head: HEAD }, FOR_LONG);
    await one.close();
    expect(await other.get("key")).toBeDefined();
    await other.close();
    const again = await openLmdbCache(path);
    expect(await again.get("key")).toBeDefined();
    await again.close();
  });

  it("can be opened while it is being closed", async () => {
    const path = newPath();
    let cache = await openLmdbCache(path);
    for (let round = 0; round < 20; round++) {
      await cache.insert(`${round}`, { head: HEAD }, FOR_LONG);
      const [next] = await Promise.all([openLmdbCache(path), cache.close()]);
      cache = next;
      expect(await cache.get(`${round}`)).toBeDefined();
    }
    await cache.close();
  });

  it("is closed only once every write has settled", async () => {
    const path = newPath();
    const cache = await openLmdbCache(path);
    const inserted = cache.insert("late", { head: HEAD }, FOR_LONG);
    await cache.close();
    expect(await inserted).toBe("inserted");
  });
});

describe("wrapping an LMDB environment", () => {
  it("leaves it open", async () => {
    const environment = openEnvironment();
    const cache = lmdbCache(environment);
    await cache.insert("key", { head: HEAD }, FOR_LONG);
    await cache.close();
    const another = lmdbCache(environment);
    expect(await another.get("key")).toBeDefined();
    await environment.put("mine", "too");
    expect(environment.get("mine")).toBe("too");
    await environment.close();
  });

  it("refuses one that loses acknowledged writes", async () => {
    const environment = open({ path: newPath() });
    expect(() => lmdbCache(environment)).toThrow("overlappingSync: false");
    await environment.close();
  });

  it("refuses one that would crash on a full disk, or that is read-only", async () => {
    const mapped = openEnvironment({ useWritemap: true });
    expect(() => lmdbCache(mapped)).toThrow(TypeError);
    await mapped.close();
    const path = newPath();
    await open({ path, overlappingSync: false }).close();
    const readOnly = open({ path, readOnly: true });
    expect(() => lmdbCache(readOnly)).toThrow(TypeError);
    await readOnly.close();
  });

  it("does not declare the durability disk for one that does not sync", async () => {
    for (const lazy of ["noSync", "noMetaSync"]) {
      const environment = openEnvironment({ [lazy]: true });
      const { durability } = await lmdbCache(environment).ready();
      expect(durability).toBe("process");
      await environment.close();
    }
  });

  it("stores bytes unchanged, whatever the defaults of the environment", async () => {
    const environment = openEnvironment({ compression: true, encoding: "json", cache: true });
    const cache = lmdbCache(environment);
    const body = Buffer.alloc(5000, 250);
    await cache.insert("key", { head: HEAD, body }, FOR_LONG);
    expect(await cache.getBody("key")).toEqual(body);
    await environment.close();
  });
});

describe("writes to an LMDB cache", () => {
  it.each([{}, { eventTurnBatching: false }])(
    "share a transaction when they are submitted together, in an environment opened with %j",
    async (options) => {
      const environment = openEnvironment(options);
      try {
        const cache = lmdbCache(environment);
        await cache.insert("first", { head: HEAD }, FOR_LONG);
        const before = transactionsOf(environment);
        // More records than a row of the index holds, and bodies, which need several writes.
        const inserts = Array.from({ length: 100 }, async (_, index) =>
          cache.insert(`${index}`, { head: HEAD, body: HEAD }, FOR_LONG),
        );
        await Promise.all(inserts);
        expect(transactionsOf(environment) - before).toBe(1);
      } finally {
        await environment.close();
      }
    },
  );

  it.each([
    { kind: "many", commitMs: 0, count: 70, bytes: 100, parts: [32, 32, 6] },
    { kind: "many, on a slow disk", commitMs: 50, count: 70, bytes: 100, parts: [70] },
    { kind: "large", commitMs: 50, count: 10, bytes: 40_000, parts: [4, 4, 2] },
  ])("that are $kind are settled in batches of $parts, in order", async (made) => {
    await withCache(async (cache) => {
      let nowMs = performance.now();
      vi.spyOn(performance, "now").mockImplementation(() => nowMs);
      const turns = countedTurns();
      const record = { head: Buffer.alloc(made.bytes) };
      const inserts = Array.from({ length: made.count }, async (_, index) => {
        expect(await cache.insert(`${index}`, record, FOR_LONG)).toBe("inserted");
        return turns.count;
      });
      // The commit begins before this callback and ends after it.
      setImmediate(() => {
        nowMs += made.commitMs;
      });
      const settledIn = await Promise.all(inserts);
      turns.stop();
      const parts = [...new Set(settledIn)].map(
        (turn) => settledIn.filter((at) => at === turn).length,
      );
      expect(parts).toEqual(made.parts);
      expect(settledIn).toEqual(settledIn.toSorted((a, b) => a - b));
    });
  });

  it("are refused without a change if their caller has aborted before", async () => {
    await withCache(async (cache) => {
      const signal = AbortSignal.abort();
      await assert.rejects(
        async () => cache.insert("key", { head: HEAD }, { ...FOR_LONG, signal }),
        CacheUnavailableError,
      );
      expect(await cache.get("key")).toBeUndefined();
    });
  });

  it("that are aborted before they are issued change nothing", async () => {
    await withCache(async (cache) => {
      const giveUp = new AbortController();
      const inserting = cache.insert("key", { head: HEAD }, { ...FOR_LONG, signal: giveUp.signal });
      giveUp.abort();
      await expect(inserting).rejects.toMatchObject({ code: "ERR_VAULT_CACHE_UNAVAILABLE" });
      await cache.insert("next", { head: HEAD }, FOR_LONG);
      expect(await cache.get("key")).toBeUndefined();
    });
  });

  it("that take longer than allowed have an unknown outcome", async () => {
    await withCache(async (cache) => {
      const giveUp = new AbortController();
      const body = Buffer.alloc(32 * MEBIBYTE);
      const options = { ...FOR_LONG, signal: giveUp.signal };
      const inserting = cache.insert("key", { head: HEAD, body }, options);
      setImmediate(() => giveUp.abort());
      await expect(inserting).rejects.toMatchObject({ code: "ERR_VAULT_OUTCOME_UNKNOWN" });
      const late = cache.insert("late", { head: HEAD, body }, { ...FOR_LONG, timeoutMs: 10 });
      await expect(late).rejects.toMatchObject({ code: "ERR_VAULT_OUTCOME_UNKNOWN" });
    });
  });

  it("refuse a key that is too long or not well-formed, and never shorten it", async () => {
    await withCache(async (cache) => {
      for (const key of ["k".repeat(1977), "é".repeat(989), "\ud800", "a\udfff"]) {
        expect(() => cache.insert(key, { head: HEAD }, FOR_LONG)).toThrow(RangeError);
        expect(() => cache.get(key)).toThrow(RangeError);
      }
      expect((await cache.scan()).entries).toHaveLength(0);
    });
  });

  it("of a head do not rewrite the body", async () => {
    await withCache(async (cache, path) => {
      await cache.insert("large", { head: HEAD, body: Buffer.alloc(16 * MEBIBYTE, 5) }, FOR_LONG);
      const before = statSync(path).size;
      for (let write = 0; write < 10; write++) {
        const ifRevision = await revisionOf(cache, "large");
        const head = Buffer.alloc(500, write);
        expect(await cache.replace("large", head, { ifRevision })).toBe("replaced");
      }
      expect(statSync(path).size - before).toBeLessThan(MEBIBYTE / 4);
      expect(await cache.getBody("large")).toHaveLength(16 * MEBIBYTE);
    });
  });
});

describe("an LMDB cache that has grown to its limit", () => {
  const bounds = { maxMapSizeBytes: 8 * MEBIBYTE, mapSizeBytes: MEBIBYTE };

  it("refuses new records, keeps its records, and has room again after deletions", async () => {
    await withCache(async (cache, path) => {
      const body = Buffer.alloc(100_000, 3);
      const keys = await fill(cache, body);
      expect(keys.length).toBeGreaterThan(50);
      expect(statSync(path).size).toBeLessThan(9 * MEBIBYTE);
      for (const key of keys) {
        const found = await cache.getBody(key);
        assert(found !== undefined && Buffer.compare(found, body) === 0);
      }
      const ifRevision = await revisionOf(cache, "0");
      expect(await cache.replace("0", undefined, { ifRevision })).toBe("replaced");
      for (const key of keys.slice(1)) expect(await cache.delete(key)).toBe(true);
      // How much room there is is looked at again after a while.
      const laterMs = performance.now() + 101;
      vi.spyOn(performance, "now").mockImplementation(() => laterMs);
      expect(await cache.insert("new", { head: HEAD, body }, FOR_LONG)).toBe("inserted");
    }, bounds);
  });

  it("still purges due records", async () => {
    let nowMs = 1_700_000_000_000;
    const clock = { now: () => nowMs };
    await withCache(
      async (cache) => {
        const keys = await fill(cache, Buffer.alloc(100_000, 3));
        nowMs += FOR_LONG.purgeAfterMs + 1;
        expect(await cache.purgeExpired(1000)).toBe(keys.length);
      },
      { ...bounds, clock },
    );
  });

  it("refuses a record that could never fit", async () => {
    await withCache(async (cache) => {
      const body = Buffer.alloc(9 * MEBIBYTE);
      await assert.rejects(
        async () => cache.insert("huge", { head: HEAD, body }, FOR_LONG),
        CacheFullError,
      );
    }, bounds);
  });

  async function fill(cache: CacheBackend, body: Buffer): Promise<string[]> {
    const keys: string[] = [];
    for (let index = 0; index < 1000; index++) {
      try {
        await cache.insert(`${index}`, { head: HEAD, body }, FOR_LONG);
        keys.push(`${index}`);
      } catch (error) {
        assert(error instanceof CacheFullError);
        return keys;
      }
    }
    return assert.fail("the cache never became full");
  }
});

describe("an LMDB file with a damaged page", () => {
  it("fails exactly the reads that need the page, never as a miss", async () => {
    const path = newPath();
    const mark = Buffer.alloc(300, "mark");
    let cache = await openLmdbCache(path);
    const keys = Array.from({ length: 1000 }, (_, index) => `${index}`.padStart(4, "0"));
    const headOf = (key: string) => (key === "0500" ? mark : Buffer.alloc(300));
    await Promise.all(keys.map((key) => cache.insert(key, { head: headOf(key) }, FOR_LONG)));
    await cache.close();

    const bytes = readFileSync(path);
    const place = bytes.indexOf(mark);
    expect(bytes.indexOf(mark, place + 1)).toBe(-1);
    bytes.fill(0, place - (place % 4096), place - (place % 4096) + 4096);
    writeFileSync(path, bytes);

    cache = await openLmdbCache(path);
    for (const key of ["0000", "0500", "0999", "0500", "0001"]) {
      if (key === "0500") expect(() => cache.get(key)).toThrow(CacheUnavailableError);
      else expect(cache.get(key)).toBeDefined();
    }
    expect(() => cache.get("0500")).toThrow(CacheUnavailableError);
    expect(await cache.insert("9999", { head: HEAD }, FOR_LONG)).toBe("inserted");
    await cache.close();
  });

  it("refuses writes while the free space of the file cannot be determined", async () => {
    await withCache(async (cache) => {
      vi.spyOn(Tables.prototype, "usage").mockImplementationOnce(() => {
        throw new Error("a damaged page");
      });
      const insert = async () => cache.insert("key", { head: HEAD }, FOR_LONG);
      await expect(insert()).rejects.toThrow(CacheUnavailableError);
      expect(await insert()).toBe("inserted");
    });
  });
});

describe("purging an LMDB cache", () => {
  it("removes all due records, whatever their lifetimes", async () => {
    let nowMs = 1_700_000_000_000;
    const clock = { now: () => nowMs };
    await withCache(
      async (cache, path) => {
        const lifetimes = Array.from({ length: 2000 }, (_, index) => (index * 7919) % 10_000);
        await Promise.all(
          lifetimes.map((purgeAfterMs, index) =>
            cache.insert(`${index}`, { head: HEAD, body: HEAD }, { purgeAfterMs }),
          ),
        );
        for (let step = 1; step <= 10; step++) {
          nowMs += 1000;
          const due = lifetimes.filter((ms) => ms > (step - 1) * 1000 && ms <= step * 1000);
          const first = step === 1 ? lifetimes.filter((ms) => ms === 0).length : 0;
          expect(await purgeAll(cache)).toBe(due.length + first);
        }
        expect((await cache.scan()).entries).toHaveLength(0);
        await cache.close();
        // Neither the index nor the bodies have any rows left.
        const environment = open({ path, overlappingSync: false });
        for (const name of ["heads", "bodies", "expiries"]) {
          const database = environment.openDB({
            name: `handlevault-${name}-1`,
            encoding: "binary",
          });
          expect(database.getStats()).toMatchObject({ entryCount: 0 });
        }
        await environment.close();
      },
      { clock },
    );
  });

  it("never removes a record that is renewed at the same time", async () => {
    let nowMs = 1_700_000_000_000;
    const clock = { now: () => nowMs };
    await withCache(
      async (cache) => {
        for (let round = 0; round < 20; round++) {
          const keys = Array.from({ length: 20 }, (_, index) => `${round} ${index}`);
          const due = { purgeAfterMs: 10 };
          await Promise.all(keys.map((key) => cache.insert(key, { head: HEAD }, due)));
          nowMs += 20;
          const renewing = keys.map(async (key) => {
            const ifRevision = await revisionOf(cache, key);
            return cache.replace(key, HEAD, { ifRevision, ...FOR_LONG });
          });
          const purges = [cache.purgeExpired(100), cache.purgeExpired(100)];
          const outcomes = await Promise.all(renewing);
          const purged = await Promise.all(purges);
          const renewed = outcomes.filter((outcome) => outcome === "replaced").length;
          expect(renewed + purged.reduce((sum, count) => sum + count, 0)).toBe(20);
          for (const [index, key] of keys.entries()) {
            expect((await cache.get(key)) !== undefined).toBe(outcomes[index] === "replaced");
          }
        }
      },
      { clock },
    );
  });

  async function purgeAll(cache: CacheBackend): Promise<number> {
    let purged = 0;
    for (let call = 0; call < 1000; call++) {
      const count = await cache.purgeExpired(50);
      purged += count;
      if (count < 50) return purged;
    }
    return assert.fail("the purge does not end");
  }
});
