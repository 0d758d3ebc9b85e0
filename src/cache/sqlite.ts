/**
 * A cache in a SQLite database, over better-sqlite3: durable, and shared by the processes of one host.
 *
 * @module
 */
import { resolve } from "node:path";
import { loadPeer } from "../load-peer.js";
import { checkMethods } from "../vault/checks.js";
import type { CacheBackend, Clock } from "../vault/contracts.js";
import {
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
  withMethods,
} from "../vault/options.js";
import { cacheClock } from "./cache-clock.js";
import { checkPurgeMode } from "./purge-schedule.js";
import { SqliteCache } from "./sqlite/backend.js";
import { watchOwners } from "./sqlite/database-file.js";
import { UNBOUNDED } from "./sqlite/free-space.js";
import { openDatabase } from "./sqlite/open-database.js";
import type { SqliteConnection } from "./sqlite/vendor.js";

export type { SqliteConnection, SqliteStatement, SqliteValue } from "./sqlite/vendor.js";

/** The options of a {@link sqliteCache}. */
export interface SqliteCacheOptions {
  /**
   * The clock that decides when a record may be purged. Default: the system's clock; then no record is
   * purged while the clock of this process and the system's clock differ by more than a minute.
   */
  readonly clock?: Clock | undefined;
}

/** The options of {@link openSqliteCache}. */
export interface OpenSqliteCacheOptions extends SqliteCacheOptions {
  /**
   * Which faults an acknowledged write survives. `"full"`, the default: power loss. `"normal"`: the end
   * of the process; power loss may lose the last writes. `"off"`: the end of the process; power loss may
   * damage the file.
   */
  readonly synchronous?: "full" | "normal" | "off" | undefined;
  /**
   * How due records are removed. `"auto"`, the default: the cache removes a few along with each write
   * and the others by a timer, for at most 5 ms a minute. The timer does not keep the process alive.
   * `"manual"`: only `purgeExpired` removes them.
   */
  readonly purge?: "auto" | "manual" | undefined;
}

/**
 * Returns a cache in a database that you opened with better-sqlite3. `close()` leaves it open.
 *
 * The cache creates its own tables, named `handlevault_…`, and sets the connection's `busy_timeout` to
 * 5 ms; longer waits do not block the event loop. It never writes inside a transaction that you opened.
 * `journal_mode` and `synchronous` stay unchanged and decide the durability. Writes survive power loss
 * with `synchronous` of `FULL` or more in mode `WAL`, `TRUNCATE` or `PERSIST`; in mode `DELETE`, SQLite's
 * default, only with `EXTRA`.
 *
 * The cache takes no more writes once the file, or its `-wal`, was removed or replaced. Leaving `WAL` and returning
 * to it without a call of the cache in between looks the same: wrap the connection again. File permissions, and free
 * space for deletions, are your responsibility.
 *
 * @throws TypeError `connection` is not a connection, or an option is unknown or of the wrong type.
 *
 * @example
 * ```ts
 * const database = new Database("records.db");
 * const vault = new HandleVault({ cache: sqliteCache(database), keys: KeyRing.fromEnv("VAULT_KEYS") });
 * ```
 */
export function sqliteCache(
  connection: SqliteConnection,
  options: SqliteCacheOptions = {},
): CacheBackend {
  checkMethods(connection, "connection", ["prepare", "exec", "close"]);
  const named = { name: "sqliteCache options", prefix: "" };
  const { clock } = readOptions(options, CACHE_OPTIONS, named);
  return new SqliteCache({
    connection,
    clock: cacheClock(clock),
    freeSpace: UNBOUNDED,
    watch: () => watchOwners(connection),
    purge: "manual",
    release: () => {},
  });
}

/**
 * Opens a database file and returns a cache in it. A new file is readable by its owner only. `close()`
 * closes the file. `":memory:"` opens a database in memory.
 *
 * Beside the file there are the files of SQLite (`-wal`, `-shm`) and a reserve file of 2 MiB
 * (`-ballast`), which is deleted when the disk is full, so that records can still be removed. The file
 * must be on a local disk. Needs the package `better-sqlite3`.
 *
 * @throws TypeError An option is unknown or of the wrong type.
 * @throws CacheUnavailableError The file cannot be opened for writing, is a symbolic link, is
 *   damaged, or was created by a newer version of this library.
 * @throws PeerMissingError `PeerBrokenError`
 *
 * @example
 * ```ts
 * const cache = await openSqliteCache("/var/lib/app/handles.db");
 * const vault = new HandleVault({ cache, keys: KeyRing.fromEnv("VAULT_KEYS") });
 * ```
 */
export async function openSqliteCache(
  path: string,
  options: OpenSqliteCacheOptions = {},
): Promise<CacheBackend> {
  const named = { name: "openSqliteCache options", prefix: "" };
  const { synchronous, purge, ...settings } = readOptions(options, OPEN_OPTIONS, named);
  checkPath(path);
  const clock = cacheClock(settings.clock);
  const { default: Database } = await loadPeer("better-sqlite3", importDriver);
  const connect = (file: string): SqliteConnection => new Database(file);
  if (path !== ":memory:")
    return openDatabase(resolve(path), { connect, clock, purge, synchronous });
  const connection = connect(path);
  return new SqliteCache({
    connection,
    clock,
    freeSpace: UNBOUNDED,
    purge,
    release: () => connection.close(),
  });
}

/**
 * Loads better-sqlite3 and opens a database in memory, which loads its native binary. A missing binary is
 * then reported as a broken peer, not as a fault of the file.
 */
async function importDriver() {
  const driver = await import("better-sqlite3");
  new driver.default(":memory:").close();
  return driver;
}

const CACHE_OPTIONS: OptionsTable<WithDefaults<SqliteCacheOptions>> = {
  clock: optional(withMethods<Clock>("now")),
};
const OPEN_OPTIONS: OptionsTable<WithDefaults<OpenSqliteCacheOptions, "purge" | "synchronous">> = {
  ...CACHE_OPTIONS,
  purge: optional(checkPurgeMode, "auto"),
  synchronous: optional(checkSynchronous, "full"),
};

function checkSynchronous(value: unknown): asserts value is "full" | "normal" | "off" {
  if (value !== "full" && value !== "normal" && value !== "off") {
    throw new TypeError('synchronous must be "full", "normal" or "off"');
  }
}

/** Refuses white space at the end: better-sqlite3 would strip it and open another file. */
function checkPath(path: unknown): asserts path is string {
  if (typeof path !== "string") throw new TypeError("path must be a string");
  if (path === "" || path.trimEnd() !== path || path.includes("\0")) {
    throw new RangeError("path must not be empty or end in white space");
  }
}
