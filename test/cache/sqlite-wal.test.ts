import { statSync } from "node:fs";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { identityOf } from "../../src/cache/sqlite/database-file.js";
import { DiskFreeSpace } from "../../src/cache/sqlite/free-space.js";
import { openSqliteCache } from "../../src/cache/sqlite.js";
import { closeLater, newFile, put } from "./sqlite-scene.js";

const KEPT_BYTES = 2 ** 25;

describe("the log of a database", () => {
  it("that grew because of a reader is truncated once the reader has ended", async () => {
    const path = newFile();
    const size = () => statSync(`${path}-wal`).size;
    const cache = closeLater(await openSqliteCache(path, { synchronous: "off" }));
    await cache.ready();
    const body = Buffer.alloc(2 ** 21);
    const churn = async (count: number) => {
      for (let index = 0; index < count; index++) {
        await put(cache, "key", body);
        await cache.delete("key");
      }
    };
    const endReading = startReading(path);
    await churn(24);
    const grown = size();
    endReading();
    await churn(10);
    expect(grown).toBeGreaterThan(1.3 * KEPT_BYTES);
    expect(size()).toBeLessThanOrEqual(KEPT_BYTES + 2 ** 20);
  });

  it("is checkpointed later if a reader blocks it, even without further writes", async () => {
    const { path, freeSpace, runTimer } = scene();
    const other = closeLater(new Database(path));
    other.exec("CREATE TABLE numbers (number)");
    const endReading = startReading(path);
    other.exec("INSERT INTO numbers VALUES (1)");
    freeSpace.onCommitted(0);
    expect(runTimer()).toBe(1000);
    expect(runTimer()).toBe(10_000);
    endReading();
    expect(runTimer()).toBe(10_000);
    expect(runTimer()).toBeUndefined();
  });

  it("is truncated after a complete checkpoint if it is long", () => {
    const { path, freeSpace, runTimer } = scene();
    const other = closeLater(new Database(path));
    other.exec("PRAGMA wal_autocheckpoint = 0; CREATE TABLE bodies (body)");
    other.prepare("INSERT INTO bodies VALUES (?)").run(Buffer.alloc(1.1 * KEPT_BYTES));
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(KEPT_BYTES);
    freeSpace.onCommitted(0);
    runTimer();
    expect(statSync(`${path}-wal`).size).toBe(0);
  });

  it("is not checkpointed into a file that replaced the opened one", () => {
    let isIntact = true;
    const { path, freeSpace, runTimer } = scene({
      get isIntact() {
        return isIntact;
      },
    });
    const other = closeLater(new Database(path));
    other.exec("CREATE TABLE numbers (number)");
    const before = statSync(path).size;
    freeSpace.onCommitted(0);
    isIntact = false;
    runTimer();
    expect(statSync(path).size).toBe(before);
    expect(runTimer()).toBeUndefined();
  });
});

/** The free space of a database, with a timer that the test runs. */
function scene(watched?: { readonly isIntact: boolean }) {
  const path = newFile();
  const connection = closeLater(new Database(path));
  connection.exec("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; ROLLBACK");
  let timer: { readonly delayMs: number; readonly callback: () => void } | undefined;
  const freeSpace = new DiskFreeSpace({
    connection,
    path,
    file: watched ?? identityOf(path),
    after: (delayMs, callback) => {
      timer = { delayMs, callback };
      return () => {};
    },
  });
  closeLater(freeSpace);
  /** Runs the timer, if it is set. Returns its delay. */
  const runTimer = (): number | undefined => {
    const set = timer;
    timer = undefined;
    set?.callback();
    return set?.delayMs;
  };
  return { path, freeSpace, runTimer };
}

/** Begins a read transaction. Returns a function that ends it. */
function startReading(path: string): () => void {
  const reader = closeLater(new Database(path, { readonly: true }));
  const rows = reader.prepare("SELECT * FROM sqlite_master").iterate();
  rows.next();
  return () => {
    rows.return?.();
  };
}
