import { statSync } from "node:fs";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it, vi } from "vitest";
import { cacheClock } from "../../src/cache/cache-clock.js";
import { UNBOUNDED } from "../../src/cache/sqlite/free-space.js";
import { Purger } from "../../src/cache/sqlite/purger.js";
import { WriteQueue } from "../../src/cache/sqlite/write-queue.js";
import { openSqliteCache, sqliteCache } from "../../src/cache/sqlite.js";
import type { CacheBackend } from "../../src/index.js";
import { runInOwnProcess, sourceUrl } from "../support/own-process.js";
import { closeLater, newFile, put } from "./sqlite-scene.js";

const MINUTE = 60_000;
const SLICE = { limit: Number.POSITIVE_INFINITY, budgetMs: 5 } as const;

let nowMs = Date.UTC(2026, 0, 1);
const clock = { now: () => nowMs };

afterEach(() => {
  vi.restoreAllMocks();
});

/** Freezes the clock that bounds purges, so that a busy machine does not shorten them. */
function stopStopwatch(): void {
  vi.spyOn(performance, "now").mockReturnValue(performance.now());
}

/** Inserts records that are due a minute later. */
async function store(cache: CacheBackend, count: number, body?: Uint8Array): Promise<void> {
  const insert = (index: number) =>
    cache.insert(
      `key ${nowMs} ${index}`,
      { head: Buffer.from("head"), body },
      { purgeAfterMs: MINUTE },
    );
  for (let done = 0; done < count; done += 20) {
    await Promise.all(
      Array.from({ length: Math.min(20, count - done) }, (_, index) => insert(done + index)),
    );
  }
}

function recordsIn(path: string): number {
  const database = new Database(path, { readonly: true });
  try {
    return Number(database.prepare("SELECT count(*) FROM handlevault_records").pluck().get());
  } finally {
    database.close();
  }
}

async function open(options: Parameters<typeof openSqliteCache>[1] = {}) {
  const path = newFile();
  const cache = closeLater(await openSqliteCache(path, { clock, ...options }));
  await cache.ready();
  return { path, cache };
}

describe("a SQLite cache that openSqliteCache returned", () => {
  it.each(["full", "normal"] as const)(
    "removes due records along with later writes, synchronous %s",
    async (synchronous) => {
      stopStopwatch();
      const { path, cache } = await open({ synchronous });
      for (let hour = 0; hour < 6; hour++) {
        await store(cache, 200, Buffer.alloc(20_000));
        nowMs += 60 * MINUTE;
      }
      expect(recordsIn(path)).toBeLessThanOrEqual(300);
      await cache.close();
      expect(statSync(path).size).toBeLessThan(3 * 200 * 20_000);
    },
  );

  it("removes due records of a process that wrote too little to purge them", async () => {
    stopStopwatch();
    const { path, cache } = await open();
    await store(cache, 10);
    await cache.close();
    nowMs += 2 * MINUTE;
    const next = closeLater(await openSqliteCache(path, { clock }));
    await next.ready();
    await put(next, "the only write");
    expect(recordsIn(path)).toBe(1);
  });

  it("removes nothing automatically with purge: manual", async () => {
    const { path, cache } = await open({ purge: "manual" });
    await store(cache, 100);
    nowMs += 2 * MINUTE;
    await store(cache, 100);
    expect(recordsIn(path)).toBe(200);
    expect(await cache.purgeExpired(1000)).toBe(100);
  });

  it("purges a database in memory, too", async () => {
    stopStopwatch();
    const cache = closeLater(await openSqliteCache(":memory:", { clock }));
    await cache.ready();
    await store(cache, 100);
    nowMs += 2 * MINUTE;
    await store(cache, 100);
    expect((await cache.scan()).entries.length).toBeLessThan(150);
  });

  it("acknowledges every write even if all purges fail", async () => {
    const { path, cache } = await open();
    await store(cache, 40);
    nowMs += 2 * MINUTE;
    const database = closeLater(new Database(path));
    database.exec("DROP TABLE handlevault_indexed; DROP TABLE handlevault_purges");
    await store(cache, 100);
    expect(recordsIn(path)).toBe(140);
  });

  it("lets its process end while it is open and has records to purge", () => {
    const printed = runInOwnProcess(
      `import { openSqliteCache } from ${JSON.stringify(sourceUrl("cache/sqlite.ts"))};
       const cache = await openSqliteCache(${JSON.stringify(newFile())});
       await cache.ready();
       const record = { head: Buffer.from("head") };
       console.log(await cache.insert("key", record, { purgeAfterMs: 60_000 }));`,
      { timeoutMs: 120_000 },
    );
    expect(printed).toBe("inserted");
  });

  it("refuses any other mode of purging", async () => {
    const purge = "never" as "manual";
    await expect(openSqliteCache(newFile(), { purge })).rejects.toThrow(TypeError);
  });
});

describe("a SQLite cache on a caller's connection", () => {
  it("removes nothing automatically", async () => {
    const path = newFile();
    const cache = closeLater(sqliteCache(closeLater(new Database(path)), { clock }));
    await cache.ready();
    await store(cache, 100);
    nowMs += 2 * MINUTE;
    await store(cache, 100);
    expect(recordsIn(path)).toBe(200);
  });
});

describe("a process whose clock was an hour ahead and was corrected", () => {
  it.each(["openSqliteCache", "sqliteCache"])(
    "purges no live record of other processes, with %s",
    async (name) => {
      const path = newFile();
      const connect = () =>
        name === "sqliteCache"
          ? sqliteCache(closeLater(new Database(path)))
          : openSqliteCache(path);
      const ahead = vi.spyOn(Date, "now").mockImplementation(() => clockMs() + 60 * MINUTE);
      const cache = closeLater(await connect());
      await cache.ready();
      await store(cache, 1);
      ahead.mockRestore();
      const other = closeLater(await connect());
      await other.ready();
      await put(other, "live");
      expect(await cache.purgeExpired(10)).toBe(0);
      await store(cache, 100);
      expect(await other.get("live")).toBeDefined();
    },
  );

  it("purges by an injected clock", async () => {
    const { cache } = await open();
    await store(cache, 10);
    nowMs += 2 * MINUTE;
    expect(Math.abs(nowMs - Date.now())).toBeGreaterThan(MINUTE);
    expect(await cache.purgeExpired(100)).toBe(10);
  });
});

describe("a slice of a purge", () => {
  /** A purger over a database that a closed cache filled. */
  async function scene(count: number, body?: Uint8Array) {
    const { path, cache } = await open({ purge: "manual" });
    await store(cache, count, body);
    await cache.close();
    const dueMs = nowMs + MINUTE;
    const connection = closeLater(new Database(path));
    const writes = new WriteQueue(connection, UNBOUNDED);
    closeLater(writes);
    const purger = new Purger({ connection, writes, clock: cacheClock(clock) });
    return { path, connection, writes, purger, dueMs };
  }

  it("finds records that were never indexed, and returns when the next record is due", async () => {
    stopStopwatch();
    const { path, purger, dueMs } = await scene(20);
    expect(purger.nextMs).toBe(Number.NEGATIVE_INFINITY);
    expect(await purger.purge({ ...SLICE, dueMs: dueMs - 1 })).toBe(dueMs);
    expect(recordsIn(path)).toBe(20);
    expect(await purger.purge({ ...SLICE, dueMs })).toBeUndefined();
    expect(recordsIn(path)).toBe(0);
  });

  it("ends when its time is used up, and returns that more records are due", async () => {
    const { path, purger, dueMs } = await scene(200);
    let elapsedMs = 0;
    // Every reading of the clock advances it by a tenth of a millisecond.
    vi.spyOn(performance, "now").mockImplementation(() => {
      elapsedMs += 0.1;
      return elapsedMs;
    });
    const nextMs = await purger.purge({ ...SLICE, dueMs });
    vi.restoreAllMocks();
    expect(nextMs).toBeLessThanOrEqual(dueMs);
    const left = recordsIn(path);
    expect(left).toBeGreaterThanOrEqual(150);
    expect(left).toBeLessThan(200);
  });

  it("returns free pages to the disk, slice by slice, except for a mebibyte", async () => {
    stopStopwatch();
    const { path, connection, purger, dueMs } = await scene(100, Buffer.alloc(100_000));
    const before = statSync(path).size;
    for (let slices = 0; slices < 10_000; slices++) {
      if ((await purger.purge({ ...SLICE, dueMs })) === undefined) break;
    }
    connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    expect(before).toBeGreaterThan(10_000_000);
    expect(statSync(path).size).toBeLessThan(1_500_000);
  });

  it("does nothing when nothing is due, also in a file that cannot return pages", async () => {
    stopStopwatch();
    const path = newFile();
    const connection = closeLater(new Database(path));
    const cache = sqliteCache(connection, { clock });
    await cache.ready();
    await store(cache, 20, Buffer.alloc(100_000));
    nowMs += 2 * MINUTE;
    expect(await cache.purgeExpired(100)).toBe(20);
    const writes = closeLater(new WriteQueue(connection, UNBOUNDED));
    const purger = new Purger({ connection, writes, clock: cacheClock(clock) });
    expect(Number(connection.pragma("freelist_count", { simple: true }))).toBeGreaterThan(256);
    expect(await purger.purge({ ...SLICE, dueMs: nowMs })).toBeUndefined();
  });

  it("does nothing if the cache is closed before it begins", async () => {
    const { path, writes, purger, dueMs } = await scene(20);
    const purging = purger.purge({ ...SLICE, dueMs });
    purger.stop();
    writes.close();
    await purging;
    expect(recordsIn(path)).toBe(20);
  });
});

function clockMs(): number {
  return performance.timeOrigin + performance.now();
}
