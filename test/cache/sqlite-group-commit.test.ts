import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { UNBOUNDED } from "../../src/cache/sqlite/free-space.js";
import { WriteQueue } from "../../src/cache/sqlite/write-queue.js";
import {
  openSqliteCache,
  type SqliteConnection,
  type SqliteStatement,
  sqliteCache,
} from "../../src/cache/sqlite.js";
import { type CacheBackend, generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { codeThrownBy, thrownBy } from "../support/refusals.js";
import { sealOptions } from "../support/vault.js";
import { closeLater, FOR_LONG, headOf, newFile, put, UNAVAILABLE } from "./sqlite-scene.js";

/** A connection that records its calls and passes them on to SQLite. */
function watched(path: string, { synchronous = "FULL" } = {}) {
  const commits: string[] = [];
  let isFailing: ((sql: string) => string | undefined) | undefined;
  const database = closeLater(new Database(path));
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
  const refuse = (sql: string): void => {
    const code = isFailing?.(sql);
    if (code !== undefined) throw Object.assign(new Error("a failure"), { code });
  };
  const connection: SqliteConnection = {
    memory: database.memory,
    get inTransaction() {
      return database.inTransaction;
    },
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    prepare: (sql) => {
      const statement = database.prepare(sql) as unknown as SqliteStatement;
      const run: SqliteStatement["run"] = (...values) => {
        const wasInside = database.inTransaction;
        refuse(sql);
        const result = statement.run(...values);
        if (sql === "COMMIT" || (!wasInside && !database.inTransaction)) commits.push(sql);
        return result;
      };
      return {
        run,
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
        raw: (toggle) =>
          (statement as unknown as { reader: boolean }).reader && statement.raw(toggle),
        pluck: (toggle) => statement.pluck(toggle),
        safeIntegers: (toggle) => statement.safeIntegers(toggle),
      };
    },
  };
  const failWith = (failing: typeof isFailing) => {
    isFailing = failing;
  };
  return { connection, commits, failWith };
}

async function readyCache(connection: SqliteConnection): Promise<CacheBackend> {
  const cache = closeLater(sqliteCache(connection));
  await cache.ready();
  return cache;
}

describe("64 seals that are flushed to the disk", () => {
  it("cost one flush in flight together, and 64 flushes one by one", async () => {
    const { connection, commits } = watched(newFile());
    const keys = KeyRing.from({ current: "key", keys: { key: generateKey() } });
    const vault = closeLater(new HandleVault({ cache: await readyCache(connection), keys }));
    const seal = () => vault.seal("a text", sealOptions());
    await seal();
    commits.length = 0;
    const handles = await Promise.all(Array.from({ length: 64 }, seal));
    expect(commits).toEqual(["COMMIT"]);
    expect(new Set(handles.map(({ id }) => id)).size).toBe(64);
    commits.length = 0;
    for (let count = 0; count < 64; count++) await seal();
    expect(commits).toHaveLength(64);
  });
});

describe("writes in flight at the same moment", () => {
  it("share one transaction", async () => {
    const { connection, commits } = watched(newFile());
    const cache = await readyCache(connection);
    commits.length = 0;
    await Promise.all(Array.from({ length: 64 }, (_, index) => put(cache, `key ${index}`)));
    expect(commits).toEqual(["COMMIT"]);
  });

  it("share one transaction if they come from several callbacks of one turn of the event loop", async () => {
    const { connection, commits } = watched(newFile());
    const cache = await readyCache(connection);
    commits.length = 0;
    const writing: Promise<void>[] = [];
    await new Promise<void>((resolve) => {
      for (let index = 0; index < 8; index++) {
        setImmediate(() => writing.push(put(cache, `key ${index}`)));
      }
      setImmediate(resolve);
    });
    await Promise.all(writing);
    expect(commits).toEqual(["COMMIT"]);
  });

  it("share a transaction whatever they do, and each gets its own result", async () => {
    const { connection, commits } = watched(newFile());
    const cache = await readyCache(connection);
    await put(cache, "old", Buffer.from("body"));
    await put(cache, "gone");
    const entry = await cache.get("old");
    if (typeof entry !== "object") throw new Error("the record is not there");
    const ifRevision = entry.revision;
    commits.length = 0;
    const head = Buffer.from("head");
    const outcomes = await Promise.all([
      cache.insert("new", { head, body: Buffer.from("body") }, FOR_LONG),
      cache.insert("old", { head }, FOR_LONG),
      cache.replace("old", head, { ifRevision }),
      cache.replace("old", undefined, { ifRevision }),
      cache.delete("gone"),
      cache.delete("gone"),
    ]);
    expect(outcomes).toEqual(["inserted", "exists", "replaced", "conflict", true, false]);
    expect(commits).toEqual(["COMMIT"]);
    expect(await headOf(cache, "old")).toBe("head");
  });

  it("are run one by one if their transaction fails, so that only the faulty one fails", async () => {
    const { connection, commits, failWith } = watched(newFile());
    const cache = await readyCache(connection);
    await put(cache, "old");
    commits.length = 0;
    failWith((sql) => (sql.startsWith("DELETE") ? "SQLITE_IOERR_WRITE" : undefined));
    const [first, failed, second] = await Promise.all([
      cache.insert("one", { head: Buffer.from("one") }, FOR_LONG),
      codeThrownBy(() => cache.delete("old")),
      cache.insert("two", { head: Buffer.from("two") }, FOR_LONG),
    ]);
    expect([first, second]).toEqual(["inserted", "inserted"]);
    expect(failed).toBe("ERR_VAULT_OUTCOME_UNKNOWN");
    failWith(undefined);
    for (const key of ["one", "two", "old"]) expect(await headOf(cache, key)).toBe(key);
  });

  it("are run a few dozen per turn of the event loop if their transaction fails", async () => {
    const { connection, failWith } = watched(newFile());
    const cache = await readyCache(connection);
    let [attempts, most, isOver] = [0, 0, false];
    failWith((sql) => {
      if (!sql.startsWith("DELETE")) return undefined;
      attempts += 1;
      return "SQLITE_IOERR_WRITE";
    });
    const countTurn = (): void => {
      most = Math.max(most, attempts);
      attempts = 0;
      if (!isOver) setImmediate(countTurn);
    };
    setImmediate(countTurn);
    const failing = Promise.all(
      Array.from({ length: 200 }, (_, index) => codeThrownBy(() => cache.delete(`${index}`))),
    );
    const following = put(cache, "following");
    expect(new Set(await failing)).toEqual(new Set(["ERR_VAULT_OUTCOME_UNKNOWN"]));
    await following;
    isOver = true;
    countTurn();
    expect(most).toBeLessThanOrEqual(48);
    expect(await headOf(cache, "following")).toBe("following");
  });

  it("are each examined only a few times, however many pass their deadline", async () => {
    const queue = new WriteQueue(closeLater(new Database(":memory:")), UNBOUNDED);
    const { signal } = new AbortController();
    let looks = 0;
    let aborted = false;
    Object.defineProperty(signal, "aborted", {
      get: () => {
        looks += 1;
        return aborted;
      },
    });
    const write = { apply: () => true, bytes: 0, isSingleStatement: true, isRemoval: false };
    const count = 20_000;
    const refusals = Array.from({ length: count }, () =>
      Promise.resolve(queue.submit(write, { signal })).catch(() => "refused"),
    );
    aborted = true;
    queue.close();
    expect(new Set(await Promise.all(refusals))).toEqual(new Set(["refused"]));
    expect(looks).toBeGreaterThanOrEqual(count);
    expect(looks).toBeLessThanOrEqual(4 * count);
  });

  it.each(["job", "turn"] as const)(
    "fail as unavailable and are not made if free space cannot be measured, flushed per %s",
    async (moment) => {
      const database = closeLater(new Database(":memory:"));
      const onBatch = () => {
        throw new Error("a failure");
      };
      const queue = new WriteQueue(database, { ...UNBOUNDED, onBatch });
      queue.flushMoment = moment;
      let applied = 0;
      const submit = (bytes: number) => () =>
        queue.submit(
          { apply: () => ++applied, bytes, isSingleStatement: true, isRemoval: false },
          undefined,
        );
      const codes = await Promise.all([codeThrownBy(submit(1)), codeThrownBy(submit(1))]);
      expect(codes).toEqual([UNAVAILABLE, UNAVAILABLE]);
      expect(applied).toBe(0);
      expect(await submit(0)()).toBe(1);
    },
  );

  it("run in transactions of limited size, and all of them run", async () => {
    const { connection, commits } = watched(newFile());
    const cache = await readyCache(connection);
    commits.length = 0;
    await Promise.all(Array.from({ length: 400 }, (_, index) => put(cache, `key ${index}`)));
    expect(commits).toHaveLength(2);
    commits.length = 0;
    const body = Buffer.alloc(2 ** 20);
    await Promise.all(Array.from({ length: 6 }, (_, index) => put(cache, `large ${index}`, body)));
    expect(commits.length).toBeGreaterThanOrEqual(3);
  });
});

describe("a commit that fails", () => {
  it.each([
    ["SQLITE_IOERR_FSYNC", "ERR_VAULT_OUTCOME_UNKNOWN"],
    ["SQLITE_IOERR_WRITE", "ERR_VAULT_OUTCOME_UNKNOWN"],
    ["SQLITE_FULL", "ERR_VAULT_CACHE_FULL"],
    ["SQLITE_IOERR_SHMSIZE", "ERR_VAULT_CACHE_FULL"],
    ["SQLITE_CORRUPT", "ERR_VAULT_CACHE_UNAVAILABLE"],
    ["SQLITE_READONLY", "ERR_VAULT_CACHE_UNAVAILABLE"],
  ])("with %s throws %s, and the next write works", async (failure, code) => {
    const { connection, failWith } = watched(newFile());
    const cache = await readyCache(connection);
    failWith((sql) => (sql === "COMMIT" ? failure : undefined));
    const error = await thrownBy(() => put(cache, "key", Buffer.from("body")));
    expect(error).toMatchObject({ code });
    failWith(undefined);
    expect(await headOf(cache, "key")).toBeUndefined();
    await put(cache, "key", Buffer.from("body"));
  });

  it("because of a lock is repeated", async () => {
    const { connection, failWith } = watched(newFile());
    const cache = await readyCache(connection);
    let failures = 3;
    failWith((sql) => (sql === "COMMIT" && failures-- > 0 ? "SQLITE_BUSY" : undefined));
    await Promise.all([put(cache, "one", Buffer.from("body")), put(cache, "two")]);
    expect(failures).toBe(-1);
  });
});

describe("an acknowledged write", () => {
  it.each(["full", "normal", "off"] as const)(
    "exists after closing, synchronous %s",
    async (synchronous) => {
      const path = newFile();
      const cache = await openSqliteCache(path, { synchronous });
      await cache.ready();
      await Promise.all(Array.from({ length: 50 }, (_, index) => put(cache, `key ${index}`)));
      await cache.close();
      const reopened = closeLater(await openSqliteCache(path));
      for (let index = 0; index < 50; index++) {
        expect(await headOf(reopened, `key ${index}`)).toBe(`key ${index}`);
      }
    },
  );
});
