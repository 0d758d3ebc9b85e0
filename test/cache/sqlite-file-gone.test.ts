import {
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import type { WatchedFile } from "../../src/cache/file-identity.js";
import { UNBOUNDED } from "../../src/cache/sqlite/free-space.js";
import { WriteQueue } from "../../src/cache/sqlite/write-queue.js";
import { openSqliteCache, sqliteCache } from "../../src/cache/sqlite.js";
import { type CacheBackend, generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { codeThrownBy } from "../support/refusals.js";
import { sealOptions } from "../support/vault.js";
import {
  closeLater,
  FOR_LONG,
  headOf,
  newDirectory,
  newFile,
  put,
  UNAVAILABLE,
} from "./sqlite-scene.js";

const UNKNOWN = "ERR_VAULT_OUTCOME_UNKNOWN";
const HEAD = Buffer.from("head");

const LOSSES: Readonly<Record<string, (path: string) => void>> = {
  removed: (path) => {
    for (const suffix of ["", "-wal", "-shm", "-ballast"]) rmSync(`${path}${suffix}`);
  },
  "removed alone": (path) => rmSync(path),
  "replaced by a copy": (path) => {
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
  },
  truncated: (path) => truncateSync(path),
  "without its log": (path) => rmSync(`${path}-wal`),
  "given another log": (path) => {
    renameSync(`${path}-wal`, `${path}-old`);
    writeFileSync(`${path}-wal`, "");
  },
  "without the index of its log": (path) => rmSync(`${path}-shm`),
  "moved with its folder": (path) => renameSync(dirname(path), `${dirname(path)}-moved`),
};

/** Waits until the last check of a file has expired, after a millisecond. */
function outliveCheck(): void {
  const untilMs = performance.now() + 2;
  while (performance.now() < untilMs);
}

describe.each(["full", "normal"] as const)(
  "a database that is open, synchronous %s,",
  (synchronous) => {
    describe.each(Object.entries(LOSSES))("and was %s", (_, lose) => {
      it("refuses all writes and reads", async () => {
        const path = `${newDirectory()}/inner/records.db`;
        const cache = await openIn(path, synchronous);
        const entry = await cache.get("before");
        if (typeof entry !== "object") throw new Error("the record is not there");
        const ifRevision = entry.revision;
        lose(path);
        outliveCheck();
        const calls: Record<string, () => unknown> = {
          insert: () => cache.insert("after", { head: HEAD }, FOR_LONG),
          "insert with a body": () => cache.insert("body", { head: HEAD, body: HEAD }, FOR_LONG),
          replace: () => cache.replace("before", HEAD, { ifRevision }),
          delete: () => cache.delete("before"),
          purge: () => cache.purgeExpired(10),
          get: () => cache.get("before"),
          getBody: () => cache.getBody("before"),
          scan: () => cache.scan(),
          ready: () => cache.ready(),
        };
        for (const [name, call] of Object.entries(calls)) {
          expect([name, await codeThrownBy(call)]).toEqual([name, UNAVAILABLE]);
        }
        const batch = ["1", "2", "3"].map((key) => codeThrownBy(() => put(cache, key)));
        expect(await Promise.all(batch)).toEqual([UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]);
      });
    });
  },
);

describe("a database that is replaced by its backup while it is open", () => {
  it("acknowledges no seal afterwards, so that none is lost", async () => {
    const path = newFile();
    const keys = KeyRing.from({ current: "key", keys: { key: generateKey() } });
    const vault = new HandleVault({ cache: await openSqliteCache(path), keys });
    const before = await vault.seal("before", sealOptions());
    copyFileSync(path, `${path}.backup`);
    renameSync(`${path}.backup`, path);
    outliveCheck();
    expect(await codeThrownBy(() => vault.seal("after", sealOptions()))).toBe(UNAVAILABLE);
    expect(await codeThrownBy(() => vault.invalidate(before.id))).toBe(UNAVAILABLE);
    await vault.close();
  });

  it("works again after it was opened again", async () => {
    const path = newFile();
    const cache = await openSqliteCache(path);
    await cache.ready();
    copyFileSync(path, `${path}.backup`);
    renameSync(`${path}.backup`, path);
    await cache.close();
    const next = closeLater(await openSqliteCache(path));
    await next.ready();
    await put(next, "after");
    expect(await headOf(next, "after")).toBe("after");
  });
});

describe("a database whose owner has it open", () => {
  it("refuses writes after it was replaced", async () => {
    const path = newFile();
    const cache = closeLater(sqliteCache(closeLater(new Database(path))));
    await cache.ready();
    await put(cache, "before");
    LOSSES["replaced by a copy"]?.(path);
    outliveCheck();
    expect(await codeThrownBy(() => put(cache, "after"))).toBe(UNAVAILABLE);
    expect(await codeThrownBy(() => cache.get("before"))).toBe(UNAVAILABLE);
  });

  it.each(["removed alone", "without its log", "given another log"])(
    "takes no write and gives no record once it was %s",
    async (loss) => {
      const { cache, path } = await inOwnersLog();
      LOSSES[loss]?.(path);
      outliveCheck();
      expect(await codeThrownBy(() => put(cache, "after"))).toBe(UNAVAILABLE);
      expect(await codeThrownBy(() => cache.get("before"))).toBe(UNAVAILABLE);
    },
  );

  it("does not find again by another journal what was lost with its log", async () => {
    const { database, cache, path } = await inOwnersLog();
    LOSSES["without its log"]?.(path);
    outliveCheck();
    expect(await codeThrownBy(() => cache.get("before"))).toBe(UNAVAILABLE);
    database.pragma("journal_mode = DELETE");
    outliveCheck();
    expect(await codeThrownBy(() => cache.get("before"))).toBe(UNAVAILABLE);
  });

  it("takes no write once another build of SQLite in the process has closed it", async () => {
    const { cache, path } = await inOwnersLog();
    const other = openByAnotherBuild(path);
    expect(other.prepare("SELECT count(*) FROM handlevault_records").pluck().get()).toBe(1);
    other.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    outliveCheck();
    expect(await codeThrownBy(() => put(cache, "after"))).toBe(UNAVAILABLE);
    expect(await codeThrownBy(() => cache.get("before"))).toBe(UNAVAILABLE);
  });

  it("has its log watched from when its owner takes it up", async () => {
    const path = newFile();
    const database = closeLater(new Database(path));
    const cache = closeLater(sqliteCache(database));
    await cache.ready();
    await put(cache, "without a log");
    database.pragma("journal_mode = WAL");
    outliveCheck();
    await put(cache, "with a log");
    rmSync(`${path}-wal`);
    outliveCheck();
    expect(await codeThrownBy(() => put(cache, "after"))).toBe(UNAVAILABLE);
  });

  it("is read while its owner goes through the rows of a query", async () => {
    const { database, cache } = await inOwnersLog();
    const rows = database.prepare("SELECT 1 UNION SELECT 2").iterate();
    rows.next();
    outliveCheck();
    expect(await headOf(cache, "before")).toBe("before");
    rows.return?.();
    await put(cache, "after");
  });

  it("may have its journal changed, whose files come and go", async () => {
    const database = closeLater(new Database(newFile()));
    database.pragma("journal_mode = WAL");
    const cache = closeLater(sqliteCache(database));
    await cache.ready();
    await put(cache, "with a log");
    database.pragma("journal_mode = DELETE");
    outliveCheck();
    await put(cache, "without");
    expect(await headOf(cache, "with a log")).toBe("with a log");
  });
});

describe("a write that was committed before its file was found to be lost", () => {
  const WRITE = { bytes: 1, isSingleStatement: true, isRemoval: false };

  /** A queue over a file that is lost as soon as it is written to. */
  function scene(moment: "job" | "turn") {
    const database = closeLater(new Database(":memory:"));
    database.exec("CREATE TABLE numbers (number)");
    const insert = database.prepare("INSERT INTO numbers VALUES (?)");
    const count = database.prepare("SELECT count(*) FROM numbers").pluck();
    const committed: number[] = [];
    const file: WatchedFile = {
      get isIntact() {
        return database.inTransaction || count.get() === 0;
      },
    };
    const room = { ...UNBOUNDED, onCommitted: (bytes: number) => committed.push(bytes) };
    const queue = closeLater(new WriteQueue(database, room, file));
    queue.flushMoment = moment;
    const write = (isSingleStatement: boolean, fail?: () => void) => () =>
      queue.submit(
        { ...WRITE, isSingleStatement, apply: () => [insert.run(1), fail?.()] },
        undefined,
      );
    return { write, committed };
  }

  it.each(["job", "turn"] as const)("has an unknown outcome, flushed per %s", async (moment) => {
    for (const isSingleStatement of [true, false]) {
      const { write, committed } = scene(moment);
      expect(await codeThrownBy(write(isSingleStatement))).toBe(UNKNOWN);
      expect(committed).toEqual([]);
    }
  });

  it("has an unknown outcome, like every other write of its group", async () => {
    const { write, committed } = scene("turn");
    const codes = await Promise.all([true, false, true].map((one) => codeThrownBy(write(one))));
    expect(codes).toEqual([UNKNOWN, UNKNOWN, UNKNOWN]);
    expect(committed).toEqual([]);
  });

  it("has an unknown outcome if it ran alone after its group had failed", async () => {
    const { write } = scene("turn");
    const fail = () => {
      throw new Error("a failure");
    };
    const codes = await Promise.all([codeThrownBy(write(false)), codeThrownBy(write(false, fail))]);
    expect(codes).toEqual([UNKNOWN, UNAVAILABLE]);
  });
});

/** A cache in a database whose owner keeps a log. */
async function inOwnersLog() {
  const path = newFile();
  const database = closeLater(new Database(path));
  database.pragma("journal_mode = WAL");
  const cache = closeLater(sqliteCache(database));
  await cache.ready();
  await put(cache, "before");
  return { database, cache, path };
}

/** A copy of the binary is a SQLite of its own, which knows nothing of the other's locks. */
function openByAnotherBuild(path: string): Database.Database {
  const nativeBinding = `${newDirectory()}/better_sqlite3.node`;
  const main = createRequire(import.meta.url).resolve("better-sqlite3");
  copyFileSync(join(dirname(main), "../build/Release/better_sqlite3.node"), nativeBinding);
  return new Database(path, { nativeBinding });
}

async function openIn(path: string, synchronous: "full" | "normal"): Promise<CacheBackend> {
  mkdirSync(dirname(path), { recursive: true });
  const cache = closeLater(await openSqliteCache(path, { synchronous }));
  await cache.ready();
  await put(cache, "before");
  return cache;
}
