import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { openSqliteCache, sqliteCache } from "../../src/cache/sqlite.js";
import { HandleVault } from "../../src/index.js";
import { codeThrownBy, thrownBy } from "../support/refusals.js";
import { mountSmallDisk, NO_SMALL_DISK } from "../support/small-disk.js";
import {
  closeLater,
  FULL,
  headOf,
  newDirectory,
  newFile,
  put,
  UNAVAILABLE,
} from "./sqlite-scene.js";

const MOUNT = "mount";
const OPTIONS_MISTAKES = [
  ["an unknown option", { timeout: 1 }],
  ["a clock that tells no time", { clock: {} }],
] as const;

describe("the file of a SQLite cache", () => {
  it("and the files beside it can only be read by the owner", async () => {
    const path = newFile();
    const cache = closeLater(await openSqliteCache(path));
    await put(cache, "key");
    for (const suffix of ["", "-wal", "-shm", "-ballast"]) {
      expect(statSync(path + suffix).mode & 0o777, suffix).toBe(0o600);
    }
  });

  it("loses all permissions of other users if it exists already", async () => {
    const path = newFile();
    const owners = new Database(path);
    owners.exec("PRAGMA journal_mode = WAL; CREATE TABLE own (value)");
    for (const suffix of ["", "-wal"]) chmodSync(path + suffix, 0o664);
    closeLater(await openSqliteCache(path));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
    owners.close();
  });

  it("refuses each insert if the reserve file can be neither removed nor replaced", async () => {
    const path = newFile();
    const cache = closeLater(await openSqliteCache(path));
    await cache.ready();
    await put(cache, "key");
    rmSync(`${path}-ballast`);
    mkdirSync(`${path}-ballast`);
    const codes = await Promise.all(
      // So many bytes that the reserve file is checked again, however recent the last check.
      ["one", "two"].map((key) => codeThrownBy(() => put(cache, key, Buffer.alloc(65_536)))),
    );
    expect(codes).toEqual([FULL, FULL]);
    expect(await cache.delete("key")).toBe(true);
  });

  it("must not be a symbolic link", async () => {
    const target = newFile();
    writeFileSync(target, "");
    const link = join(newDirectory(), "link.db");
    symlinkSync(target, link);
    await assertUnavailable(link);
    const dangling = join(newDirectory(), "dangling.db");
    symlinkSync(join(dirname(target), "nothing"), dangling);
    await assertUnavailable(dangling);
    expect(readFileSync(target)).toHaveLength(0);
    expect(existsSync(join(dirname(target), "nothing"))).toBe(false);
  });

  it("must not be a directory, or in a missing directory", async () => {
    const directory = newDirectory();
    mkdirSync(join(directory, "records.db"));
    await assertUnavailable(join(directory, "records.db"));
    await assertUnavailable(join(directory, "missing", "records.db"));
    await assertUnavailable(join(directory, "records.db", "\u{1f5dd}", "records.db"));
  });

  it("must not be on a read-only file system", async (context) => {
    const disk = mountSmallDisk(8);
    if (disk === undefined) return context.skip(NO_SMALL_DISK);
    try {
      const path = join(disk.directory, "records.db");
      const cache = await openSqliteCache(path);
      await cache.close();
      execFileSync(MOUNT, ["-o", "remount,ro", disk.directory]);
      await assertUnavailable(path);
      await assertUnavailable(join(disk.directory, "new.db"));
    } finally {
      disk.remove();
    }
  });

  it("may have any name, and is created with exactly that name", async () => {
    const directory = newDirectory();
    for (const name of [" leading.db", "file:x?mode=memory", "a'b\"c.db", "ключ.db", ":memory: "]) {
      const path = join(directory, name);
      if (name.trimEnd() !== name) {
        await expect(openSqliteCache(path)).rejects.toBeInstanceOf(RangeError);
        continue;
      }
      const cache = closeLater(await openSqliteCache(path));
      await put(cache, "key");
      expect(existsSync(path), name).toBe(true);
    }
  });

  it("returns pages to the file system after a purge", async () => {
    const path = newFile();
    let nowMs = Date.now();
    const cache = closeLater(await openSqliteCache(path, { clock: { now: () => nowMs } }));
    for (let index = 0; index < 400; index++) {
      const record = { head: Buffer.alloc(500), body: Buffer.alloc(10_000) };
      await cache.insert(`key ${index}`, record, { purgeAfterMs: 1000 });
    }
    const database = closeLater(new Database(path));
    const pagesBefore = Number(database.pragma("page_count", { simple: true }));
    nowMs += 2000;
    while ((await cache.purgeExpired(100)) > 0);
    const pagesAfter = Number(database.pragma("page_count", { simple: true }));
    expect(pagesAfter).toBeLessThan(pagesBefore - 700);
  });
});

describe("openSqliteCache", () => {
  it.each(OPTIONS_MISTAKES)("throws for %s before it makes a file", async (_, options) => {
    const path = newFile();
    await expect(openSqliteCache(path, options as object)).rejects.toBeInstanceOf(TypeError);
    await expect(openSqliteCache(path, { synchronous: "FULL" as "full" })).rejects.toBeInstanceOf(
      TypeError,
    );
    expect(existsSync(path)).toBe(false);
  });

  it("throws for an invalid path", async () => {
    await expect(openSqliteCache(1 as unknown as string)).rejects.toBeInstanceOf(TypeError);
    for (const path of ["", " ", "a\0b"]) {
      await expect(openSqliteCache(path)).rejects.toBeInstanceOf(RangeError);
    }
  });

  it.each([
    ["full", "disk"],
    ["normal", "process"],
    ["off", "process"],
  ] as const)("promises with synchronous %s durability %s", async (synchronous, durability) => {
    const cache = closeLater(await openSqliteCache(newFile(), { synchronous }));
    expect(await cache.ready()).toEqual({ durability, evicts: false });
    expect([cache.shared, cache.outlivesProcess]).toEqual([true, true]);
  });

  it("declares full durability by default, and none in memory", async () => {
    const cache = closeLater(await openSqliteCache(newFile()));
    expect(await cache.ready()).toEqual({ durability: "disk", evicts: false });
    const inMemory = closeLater(await openSqliteCache(":memory:"));
    expect(await inMemory.ready()).toEqual({ durability: "none", evicts: false });
    expect([inMemory.shared, inMemory.outlivesProcess]).toEqual([false, false]);
  });
});

describe("sqliteCache", () => {
  it.each(OPTIONS_MISTAKES)("throws for %s", (_, options) => {
    const database = closeLater(new Database(":memory:"));
    expect(() => sqliteCache(database, options as object)).toThrow(TypeError);
    expect(() => sqliteCache({} as typeof database)).toThrow(TypeError);
  });

  it("declares the durability of the connection's settings", async () => {
    for (const [journal, synchronous, durability] of [
      ["WAL", "FULL", "disk"],
      ["WAL", "NORMAL", "process"],
      ["DELETE", "EXTRA", "disk"],
      ["DELETE", "FULL", "process"],
      ["TRUNCATE", "FULL", "disk"],
      ["TRUNCATE", "NORMAL", "process"],
      ["PERSIST", "FULL", "disk"],
      ["WAL", "OFF", "process"],
      ["MEMORY", "FULL", "none"],
      ["OFF", "FULL", "none"],
    ]) {
      const database = closeLater(new Database(newFile()));
      // SQLite only allows mode OFF in its unsafe mode.
      database.unsafeMode(true);
      database.exec(`PRAGMA journal_mode = ${journal}; PRAGMA synchronous = ${synchronous}`);
      const cache = closeLater(sqliteCache(database));
      expect(await cache.ready()).toEqual({ durability, evicts: false });
    }
  });

  it("is unavailable before ready was called", async () => {
    const cache = closeLater(sqliteCache(closeLater(new Database(":memory:"))));
    expect(await codeThrownBy(() => cache.get("key"))).toBe(UNAVAILABLE);
    expect(await codeThrownBy(() => put(cache, "key"))).toBe(UNAVAILABLE);
  });

  it("refuses exactly the versions of SQLite that may damage a file", async () => {
    for (const [version, isSafe] of [
      ["3.7.0", false],
      ["3.50.4", false],
      ["3.51.2", false],
      ["3.51.3", true],
      ["3.53.2", true],
      ["4.0.0", true],
    ] as const) {
      const database = closeLater(new Database(newFile()));
      database.function("sqlite_version", () => version);
      const cache = closeLater(sqliteCache(database));
      if (isSafe) expect(await cache.ready()).toMatchObject({ evicts: false });
      else expect(await thrownBy(() => cache.ready())).toMatchObject({ reason: "outdated-sqlite" });
      const inMemory = closeLater(new Database(":memory:"));
      inMemory.function("sqlite_version", () => version);
      expect(await closeLater(sqliteCache(inMemory)).ready()).toMatchObject({ durability: "none" });
    }
  });

  it("makes a vault refuse keys that do not outlive the process", async () => {
    const cache = closeLater(await openSqliteCache(newFile()));
    expect(() => new HandleVault({ cache })).toThrow(
      expect.objectContaining({ reason: "ephemeral-keys" }),
    );
    expect(await headOf(cache, "key")).toBeUndefined();
  });
});

async function assertUnavailable(path: string): Promise<void> {
  const error = await thrownBy(() => openSqliteCache(path));
  expect(error).toMatchObject({ code: UNAVAILABLE });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(path);
}
