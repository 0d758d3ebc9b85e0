import { type ChildProcess, spawn } from "node:child_process";
import { setImmediate as nextTurn } from "node:timers/promises";
import Database from "better-sqlite3";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Deadline } from "../../src/cache/deadline.js";
import { openSqliteCache, sqliteCache } from "../../src/cache/sqlite.js";
import { thrownBy } from "../support/refusals.js";
import { closeLater, FOR_LONG, headOf, newFile, put, UNAVAILABLE } from "./sqlite-scene.js";

/** Whoever waits for others here does so until they are done. */
const PATIENTLY = { ...FOR_LONG, timeoutMs: 3_600_000 } as const;
const RECORD = { head: Buffer.from("head") } as const;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Holds the write lock of a database, in a process of its own, until a message releases it. */
class Holder {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async hold(path: string): Promise<Holder> {
    const database = JSON.stringify(path);
    const child = spawn(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        `import Database from "better-sqlite3";
         const database = new Database(${database});
         database.exec("BEGIN IMMEDIATE");
         process.stdout.write("held");
         process.stdin.once("data", () => { database.exec("COMMIT"); database.close(); });`,
      ],
      { stdio: ["pipe", "pipe", "inherit"], cwd: import.meta.dirname },
    );
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    return new Holder(child);
  }

  async release(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end("release");
    await ended;
  }
}

describe("a SQLite cache while another process holds the write lock", () => {
  it("does not block the event loop, can read, and writes once the lock is released", async () => {
    const path = newFile();
    const prepare = vi.spyOn(Database.prototype, "prepare");
    const cache = closeLater(await openSqliteCache(path));
    const connection = prepare.mock.contexts.at(-1) as Database.Database;
    // While SQLite itself waits, the loop stands still.
    expect(connection.pragma("busy_timeout", { simple: true })).toBe(5);
    await put(cache, "before");
    const holder = await Holder.hold(path);
    const attempts = watchAttempts();
    const writing = cache.insert("key", RECORD, PATIENTLY);
    await attempts.further(5);
    expect(await headOf(cache, "before")).toBe("before");
    expect(await headOf(cache, "key")).toBeUndefined();
    await holder.release();
    expect(await writing).toBe("inserted");
  });

  it("gives up at the deadline and not before, having changed nothing", async () => {
    const path = newFile();
    const cache = closeLater(await openSqliteCache(path));
    const holder = await Holder.hold(path);
    const stopwatch = stopStopwatch();
    const attempts = watchAttempts();
    let isOver = false;
    const failing = thrownBy(() =>
      cache.insert("key", RECORD, { ...FOR_LONG, timeoutMs: 150 }),
    ).finally(() => {
      isOver = true;
    });
    stopwatch.nowMs += 149;
    await attempts.further(3);
    expect(isOver).toBe(false);
    stopwatch.nowMs += 1;
    expect(await failing).toMatchObject({ code: UNAVAILABLE });
    await holder.release();
    expect(await headOf(cache, "key")).toBeUndefined();
    await put(cache, "key");
  });

  it("gives up only the aborted write of a group", async () => {
    const path = newFile();
    const cache = closeLater(await openSqliteCache(path));
    const holder = await Holder.hold(path);
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = thrownBy(() => cache.insert("aborted", RECORD, { ...PATIENTLY, signal }));
    const kept = cache.insert("kept", RECORD, PATIENTLY);
    await nextTurn();
    controller.abort();
    expect(await aborted).toMatchObject({ code: UNAVAILABLE });
    await holder.release();
    expect(await kept).toBe("inserted");
    expect(await headOf(cache, "aborted")).toBeUndefined();
  });

  it("rejects pending writes when it is closed", async () => {
    const path = newFile();
    const cache = await openSqliteCache(path);
    const holder = await Holder.hold(path);
    const attempts = watchAttempts();
    const writing = thrownBy(() => cache.insert("key", RECORD, PATIENTLY));
    await attempts.further(2);
    await cache.close();
    expect(await writing).toMatchObject({ code: UNAVAILABLE });
    await holder.release();
  });
});

describe("a SQLite cache on a connection that its owner uses", () => {
  it("waits for the end of the owner's transaction and never writes inside it", async () => {
    const database = closeLater(new Database(":memory:"));
    const cache = closeLater(sqliteCache(database));
    await cache.ready();
    database.exec("BEGIN");
    const writing = cache.insert("key", RECORD, PATIENTLY);
    const refused = thrownBy(() => cache.delete("key", { timeoutMs: 60 }));
    expect(await refused).toMatchObject({ code: UNAVAILABLE });
    database.exec("ROLLBACK");
    expect(await writing).toBe("inserted");
    expect(await headOf(cache, "key")).toBe("head");
  });

  it("waits for the end of the owner's query", async () => {
    const database = closeLater(new Database(":memory:"));
    database.exec("CREATE TABLE own (value); INSERT INTO own VALUES (1), (2)");
    const cache = closeLater(sqliteCache(database));
    await cache.ready();
    const rows = database.prepare("SELECT value FROM own").iterate();
    rows.next();
    const writing = cache.insert("key", RECORD, PATIENTLY);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    rows.return?.();
    expect(await writing).toBe("inserted");
  });

  it("reads numbers as numbers even if the owner sets bigints as the default", async () => {
    const database = closeLater(new Database(":memory:"));
    database.defaultSafeIntegers(true);
    const cache = closeLater(sqliteCache(database));
    expect(await cache.ready()).toEqual({ durability: "none", evicts: false });
    await put(cache, "key", Buffer.from("body"));
    const entry = await cache.get("key");
    expect(entry).toMatchObject({ hasBody: true, revision: expect.any(Number) });
    await cache.purgeExpired(1);
    expect(await cache.delete("key")).toBe(true);
  });

  it("leaves the connection open, and the owner's tables unchanged", async () => {
    const database = closeLater(new Database(":memory:"));
    database.exec("CREATE TABLE records (value); INSERT INTO records VALUES (1)");
    const cache = sqliteCache(database);
    await cache.ready();
    await put(cache, "key");
    await cache.close();
    await cache.close();
    expect(database.prepare("SELECT value FROM records").all()).toEqual([{ value: 1 }]);
    const again = closeLater(sqliteCache(database));
    await again.ready();
    expect(await headOf(again, "key")).toBe("key");
  });

  it("keeps its records in the database, whatever temporary tables the owner has", async () => {
    const database = closeLater(new Database(newFile()));
    for (const name of ["records", "bodies", "purges", "indexed", "schema"]) {
      database.exec(`CREATE TEMP TABLE handlevault_${name} (own)`);
    }
    let nowMs = Date.now();
    const cache = closeLater(sqliteCache(database, { clock: { now: () => nowMs } }));
    await cache.ready();
    for (const key of ["kept", "deleted", "due"]) await put(cache, key, Buffer.from(key));
    expect(await cache.delete("deleted")).toBe(true);
    const count = (table: string) =>
      database.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
    expect(count("main.handlevault_records")).toBe(2);
    expect(count("main.handlevault_bodies")).toBe(2);
    expect(await cache.getBody("kept")).toEqual(Buffer.from("kept"));
    nowMs += 2 * FOR_LONG.purgeAfterMs;
    expect(await cache.purgeExpired(10)).toBe(2);
    expect(count("main.handlevault_bodies")).toBe(0);
    for (const name of ["records", "bodies", "purges", "indexed", "schema"]) {
      expect(count(`temp.handlevault_${name}`)).toBe(0);
    }
  });

  it("is unavailable once the owner has closed the connection", async () => {
    const database = new Database(":memory:");
    const cache = closeLater(sqliteCache(database));
    await cache.ready();
    database.close();
    expect(await thrownBy(() => cache.get("key"))).toMatchObject({ code: UNAVAILABLE });
    expect(await thrownBy(() => cache.insert("key", RECORD, FOR_LONG))).toMatchObject({
      code: UNAVAILABLE,
    });
    expect(await thrownBy(() => cache.ready())).toMatchObject({ code: UNAVAILABLE });
  });
});

describe("a key that is not well-formed Unicode", () => {
  it("is refused by every operation, and never treated as another key", async () => {
    const cache = closeLater(await openSqliteCache(":memory:"));
    await cache.ready();
    await put(cache, "\ufffd");
    for (const operation of [
      () => cache.insert("\ud800", RECORD, FOR_LONG),
      () => cache.get("\ud800"),
      () => cache.getBody("\ud800"),
      () => cache.replace("\ud800", undefined, { ifRevision: 1 }),
      () => cache.delete("\ud800"),
    ]) {
      expect(await thrownBy(operation)).toBeInstanceOf(RangeError);
    }
    expect((await cache.scan()).entries).toHaveLength(1);
  });
});

describe("a read of a SQLite cache", () => {
  it("waits while the database is locked exclusively, up to its deadline", async () => {
    const path = newFile();
    const database = closeLater(new Database(path));
    const cache = closeLater(sqliteCache(database));
    await cache.ready();
    await put(cache, "key");
    const other = closeLater(new Database(path));
    other.exec("BEGIN EXCLUSIVE");
    const late = thrownBy(() => cache.get("key", { timeoutMs: 60 }));
    const reading = cache.get("key", PATIENTLY);
    const scanning = cache.scan(undefined, PATIENTLY);
    expect(await late).toMatchObject({ code: UNAVAILABLE });
    other.exec("COMMIT");
    expect(await reading).toMatchObject({ head: Buffer.from("key") });
    expect(await scanning).toMatchObject({ entries: [{ key: "key" }] });
  });
});

describe("a purge of a SQLite cache", () => {
  it("ends by its deadline, however often others hold the lock", async () => {
    let nowMs = Date.now();
    const path = newFile();
    const cache = closeLater(await openSqliteCache(path, { clock: { now: () => nowMs } }));
    const due = { purgeAfterMs: 10, timeoutMs: PATIENTLY.timeoutMs };
    await Promise.all(
      Array.from({ length: 2000 }, (_, index) => cache.insert(`${index}`, RECORD, due)),
    );
    nowMs += 1000;
    const stopwatch = stopStopwatch();
    const other = closeLater(new Database(path));
    other.pragma("busy_timeout = 100");
    const attempts = watchAttempts();
    const count = other.prepare("SELECT count(*) FROM handlevault_records").pluck();
    let isOver = false;
    const purging = Promise.resolve(cache.purgeExpired(2000, { timeoutMs: 400 })).finally(() => {
      isOver = true;
    });
    // Each time for less than the deadline, with a gap in which a step of the purge gets through.
    while (!isOver) {
      const left = count.get();
      while (!isOver && count.get() === left) await nextTurn();
      if (isOver) break;
      other.exec("BEGIN IMMEDIATE");
      await attempts.further(1);
      stopwatch.nowMs += 150;
      other.exec("ROLLBACK");
    }
    const purged = await purging;
    expect(purged).toBeGreaterThan(0);
    // Each of its eight steps waits for its turn: together, without a deadline, all of them get it.
    expect(purged).toBeLessThan(2000);
    expect(count.get()).toBe(2000 - purged);
  });
});

/** Stops the time by which deadlines are counted. */
function stopStopwatch(): { nowMs: number } {
  const stopwatch = { nowMs: performance.now() };
  vi.spyOn(performance, "now").mockImplementation(() => stopwatch.nowMs);
  return stopwatch;
}

/** Sees how often operations find others at work; each then makes a pause. */
function watchAttempts(): { further(count: number): Promise<void> } {
  const pauses = vi.spyOn(Deadline.prototype, "pause");
  return {
    further: async (count) => {
      const enough = pauses.mock.calls.length + count;
      while (pauses.mock.calls.length < enough) await nextTurn();
    },
  };
}
