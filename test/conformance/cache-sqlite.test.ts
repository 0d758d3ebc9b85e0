import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll } from "vitest";
import { openSqliteCache, sqliteCache } from "../../src/cache/sqlite.js";
import { describeCache } from "./cache-backend.js";

const directory = mkdtempSync(join(tmpdir(), "handlevault-sqlite-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let nowMs = Date.UTC(2026, 0, 1);
const clock = { now: () => nowMs };
/** Laws count what a purge removes: no other may come before it. */
const options = { clock, purge: "manual" } as const;
const advance = (ms: number) => {
  nowMs += ms;
};

for (const synchronous of ["full", "normal"] as const) {
  let files = 0;
  const file = () => join(directory, `${synchronous}-${files}.db`);
  const connect = () => openSqliteCache(file(), { ...options, synchronous });
  const open = () => {
    files += 1;
    return connect();
  };
  describeCache(`openSqliteCache, synchronous ${synchronous}`, {
    open,
    reopen: connect,
    connect,
    advance,
  });
}

describeCache("openSqliteCache in memory", {
  open: () => openSqliteCache(":memory:", options),
  advance,
});

describeCache("sqliteCache on a database in memory", {
  open: () => sqliteCache(new Database(":memory:"), { clock }),
  advance,
});

{
  let files = 0;
  const connect = () => sqliteCache(new Database(join(directory, `own-${files}.db`)), { clock });
  const open = () => {
    files += 1;
    return connect();
  };
  describeCache("sqliteCache on a file with a rollback journal", {
    open,
    reopen: connect,
    connect,
    advance,
  });
}
