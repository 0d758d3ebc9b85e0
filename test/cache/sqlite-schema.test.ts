import { spawn } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { openSqliteCache, sqliteCache } from "../../src/cache/sqlite.js";
import { sourceUrl } from "../support/own-process.js";
import { thrownBy } from "../support/refusals.js";
import { closeLater, FOR_LONG, headOf, newFile, put, UNAVAILABLE } from "./sqlite-scene.js";

describe("the tables of a SQLite cache", () => {
  it("have their own names, ordinary rows, and pages that can be returned", async () => {
    const path = newFile();
    closeLater(await openSqliteCache(path));
    const database = closeLater(new Database(path));
    const tables = database
      .prepare("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
      .pluck()
      .all() as string[];
    expect(tables.every((name) => name.startsWith("handlevault_"))).toBe(true);
    expect(database.pragma("journal_mode", { simple: true })).toBe("wal");
    expect(database.pragma("auto_vacuum", { simple: true })).toBe(2);
    expect(database.prepare("SELECT version FROM handlevault_schema").pluck().all()).toEqual([1]);
  });

  it("are left unchanged if a newer version created them", async () => {
    const path = newFile();
    const database = new Database(path);
    database.exec("CREATE TABLE handlevault_schema (version INTEGER NOT NULL)");
    database.exec("INSERT INTO handlevault_schema VALUES (2)");
    database.close();
    const before = readFileSync(path);
    expect(await thrownBy(() => openSqliteCache(path))).toMatchObject({ code: UNAVAILABLE });
    expect(readFileSync(path).equals(before)).toBe(true);
    const owners = closeLater(new Database(path));
    const cache = closeLater(sqliteCache(owners));
    expect(await thrownBy(() => cache.ready())).toMatchObject({ code: UNAVAILABLE });
    expect(owners.prepare("SELECT count(*) FROM sqlite_master").pluck().get()).toBe(1);
  });

  it("are all created or none", async () => {
    const path = newFile();
    const database = closeLater(new Database(path));
    // The last of the tables cannot be created.
    database.exec("CREATE TABLE handlevault_purges (other)");
    const cache = closeLater(sqliteCache(database));
    expect(await thrownBy(() => cache.ready())).toMatchObject({ code: UNAVAILABLE });
    expect(database.inTransaction).toBe(false);
    expect(database.prepare("SELECT name FROM sqlite_master").pluck().all()).toEqual([
      "handlevault_purges",
    ]);
    database.exec("DROP TABLE handlevault_purges");
    await cache.ready();
    await put(cache, "key");
  });

  it("are created once if several processes open a new file at the same moment", async () => {
    const path = newFile();
    const codes = await Promise.all(
      Array.from({ length: 4 }, (_, writer) => runWriter(path, { writer, count: 250 })),
    );
    expect(codes).toEqual([0, 0, 0, 0]);
    const cache = closeLater(await openSqliteCache(path));
    for (let writer = 0; writer < 4; writer++) {
      for (let index = 0; index < 250; index++) {
        const key = `${writer}-${index}`;
        expect(await headOf(cache, key)).toBe(key);
      }
    }
    const database = closeLater(new Database(path));
    expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(database.pragma("auto_vacuum", { simple: true })).toBe(2);
  });

  it("are searched by index, never by a full scan", async () => {
    const path = newFile();
    const cache = closeLater(await openSqliteCache(path));
    await cache.ready();
    const database = closeLater(new Database(path));
    const plans = STATEMENTS.map((sql) =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map((row) => (row as { detail: string }).detail),
    );
    for (const detail of plans.flat()) expect(detail).not.toMatch(/SCAN handlevault_(?!indexed)/);
  });

  it("index every purge time, even if ids are freed and assigned again", async () => {
    let nowMs = Date.now();
    const cache = closeLater(await openSqliteCache(":memory:", { clock: { now: () => nowMs } }));
    await cache.ready();
    const due = { purgeAfterMs: 1000 };
    const record = { head: Buffer.from("head") };
    for (let round = 0; round < 20; round++) {
      for (let index = 0; index < 6; index++) await cache.insert(`${index}`, record, due);
      expect(await cache.purgeExpired(10)).toBe(0);
      for (const index of [(round + 3) % 6, 4, 5]) await cache.delete(`${index}`);
      for (let index = 0; index < 6; index++) await cache.insert(`${index}`, record, due);
      await cache.insert(`renewed ${round}`, record, due);
      const entry = await cache.get(`renewed ${round}`);
      if (typeof entry !== "object") throw new Error("the record is not there");
      await cache.replace(`renewed ${round}`, record.head, {
        ifRevision: entry.revision,
        purgeAfterMs: 3_600_000,
      });
      nowMs += 1000;
      expect(await cache.purgeExpired(10)).toBe(6);
    }
    expect((await cache.scan()).entries).toHaveLength(20);
  });

  it("are indexed in steps while records are inserted", async () => {
    const path = newFile();
    const cache = closeLater(await openSqliteCache(path, { synchronous: "off" }));
    await cache.ready();
    const database = closeLater(new Database(path));
    for (let index = 0; index < 2600; index++) await put(cache, `${index}`);
    const count = database.prepare("SELECT count(*) FROM handlevault_purges").pluck();
    expect(count.get()).toBeGreaterThan(2000);
    expect(await cache.purgeExpired(10)).toBe(0);
    expect(count.get()).toBe(2600);
  });
});

/** The frequent statements of the cache, with values in place of parameters. */
const STATEMENTS: readonly string[] = [
  "SELECT state FROM handlevault_records WHERE key = 'k'",
  "SELECT body FROM handlevault_bodies WHERE id = (SELECT id FROM handlevault_records WHERE key = 'k')",
  "SELECT key FROM handlevault_records WHERE id > 5 ORDER BY id LIMIT 250",
  "UPDATE handlevault_records SET state = x'00' WHERE key = 'k' AND substr(state, 1, 8) = x'00'",
  "DELETE FROM handlevault_records WHERE key = 'k'",
  `DELETE FROM handlevault_records WHERE id IN
   (SELECT id FROM handlevault_purges WHERE purge_at <= 1 ORDER BY purge_at LIMIT 250)`,
  "INSERT INTO handlevault_purges SELECT purge_at, id FROM handlevault_records WHERE id > 1 AND id <= 9",
];

describe("a damaged file", () => {
  it("with garbage for a header is unavailable, with the cause", async () => {
    const path = newFile();
    writeFileSync(path, Buffer.alloc(8192, "garbage "));
    const error = await thrownBy(() => openSqliteCache(path));
    expect(error).toMatchObject({ code: UNAVAILABLE, cause: { code: "SQLITE_NOTADB" } });
  });

  it.each(["garbage", "zeros"])(
    "with pages of %s never causes a miss or a wrong head",
    async (kind) => {
      for (let page = 2; page < 24; page += 3) {
        const path = await filledFile();
        const bytes = readFileSync(path);
        for (let at = 4096 * page; at < 4096 * (page + 1); at++) {
          bytes[at] = kind === "zeros" ? 0 : (at * 167) % 251;
        }
        writeFileSync(path, bytes);
        await assertNoFalseAnswer(path);
      }
    },
  );

  it("that was truncated never causes a miss or a wrong head", async () => {
    for (const share of [0.1, 0.5, 0.9]) {
      const path = await filledFile();
      truncateSync(path, Math.floor(readFileSync(path).length * share));
      await assertNoFalseAnswer(path);
    }
  });

  it("does not affect other caches of the process", async () => {
    const sound = closeLater(await openSqliteCache(newFile()));
    await put(sound, "before");
    const path = await filledFile();
    truncateSync(path, 5000);
    await assertNoFalseAnswer(path);
    await put(sound, "after");
    expect(await headOf(sound, "before")).toBe("before");
  });
});

const COUNT = 300;

/** Returns a database with some hundred records of 1 KiB each, and an empty WAL. */
async function filledFile(): Promise<string> {
  const path = newFile();
  const cache = await openSqliteCache(path, { synchronous: "off" });
  for (let index = 0; index < COUNT; index++) {
    const head = Buffer.alloc(1024, `key ${index};`);
    await cache.insert(`key ${index}`, { head }, FOR_LONG);
  }
  await cache.close();
  return path;
}

/** Reads every record, and writes: each call returns the stored value or fails as unavailable. */
async function assertNoFalseAnswer(path: string): Promise<void> {
  const outcomes = new Set<string>();
  const tell = async (call: () => unknown): Promise<void> => {
    try {
      outcomes.add(String(await call()));
    } catch (error) {
      outcomes.add(String((error as { code?: unknown }).code));
    }
  };
  let cache: Awaited<ReturnType<typeof openSqliteCache>>;
  try {
    cache = await openSqliteCache(path);
    await cache.ready();
  } catch (error) {
    expect(error).toMatchObject({ code: UNAVAILABLE });
    return;
  }
  for (let index = 0; index < COUNT; index++) {
    await tell(async () => (await headOf(cache, `key ${index}`))?.startsWith(`key ${index};`));
  }
  expect([...outcomes].filter((outcome) => outcome !== "true" && outcome !== UNAVAILABLE)).toEqual(
    [],
  );
  await tell(() => put(cache, "new").then(() => true));
  await tell(async () => typeof (await cache.delete("new")) === "boolean");
  await tell(async () => (await cache.scan()).entries.length > 0);
  await tell(async () => typeof (await cache.purgeExpired(10)) === "number");
  expect([...outcomes].filter((outcome) => outcome !== "true" && outcome !== UNAVAILABLE)).toEqual(
    [],
  );
  await cache.close();
}

/** Runs a process that inserts records. Resolves with its exit code. */
async function runWriter(
  path: string,
  { writer, count }: { readonly writer: number; readonly count: number },
): Promise<number | null> {
  const source = `
    import { openSqliteCache } from ${JSON.stringify(sourceUrl("cache/sqlite.ts"))};
    const cache = await openSqliteCache(${JSON.stringify(path)});
    await cache.ready();
    for (let index = 0; index < ${count}; index++) {
      const key = \`${writer}-\${index}\`;
      const options = { purgeAfterMs: 3_600_000, timeoutMs: 30_000 };
      const outcome = await cache.insert(key, { head: Buffer.from(key) }, options);
      if (outcome !== "inserted") process.exit(2);
    }
    await cache.close();`;
  const child = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", source],
    { stdio: "inherit" },
  );
  return new Promise((resolve) => child.once("exit", resolve));
}
