/**
 * A cache in a SQLite database, by better-sqlite3: durable, and shared by the processes of one host.
 *
 * @module
 */
import { resolve } from "node:path";
import { loadPeer } from "../load-peer.js";
import { checkMethods, checkOptions } from "../vault/checks.js";
import type { CacheBackend, Clock } from "../vault/contracts.js";
import { type CacheClock, cacheClock } from "./cache-clock.js";
import { checkPurgeMode } from "./purge-schedule.js";
import { SqliteCache } from "./sqlite/backend.js";
import { identityOfMain, UNWATCHED } from "./sqlite/database-file.js";
import { UNBOUNDED } from "./sqlite/free-space.js";
import { openDatabase } from "./sqlite/open-database.js";
import type { SqliteConnection } from "./sqlite/vendor.js";

export type { SqliteConnection, SqliteStatement, SqliteValue } from "./sqlite/vendor.js";

const CACHE_OPTIONS: ReadonlySet<string> = new Set(["clock"]);
const OPEN_OPTIONS: ReadonlySet<string> = new Set(["clock", "purge", "synchronous"]);
const SYNCHRONOUS: readonly unknown[] = ["full", "normal", "off"];

/** The options of a {@link sqliteCache}. */
export interface SqliteCacheOptions {
  /**
   * Says when a record may be purged; it is trusted alone. Default: the system's time, and then no
   * record is purged while the time of this process and the system's differ by more than a minute.
   */
  readonly clock?: Clock | undefined;
}

/** The options of {@link openSqliteCache}. */
export interface OpenSqliteCacheOptions extends SqliteCacheOptions {
  /**
   * What an acknowledged write survives. `"full"`, the default: power loss. `"normal"`: the end of
   * the process; power loss may cost the last writes. `"off"`: the end of the process; power loss may
   * cost the file.
   */
  readonly synchronous?: "full" | "normal" | "off" | undefined;
  /**
   * Who removes records that are due. `"auto"`, the default: the cache, a few along with writes and
   * the others by a timer that does not keep the process alive, for at most 5 ms a minute.
   * `"manual"`: nothing does but `purgeExpired`.
   */
  readonly purge?: "auto" | "manual" | undefined;
}

/**
 * Returns a cache in a database that you opened with better-sqlite3; `close()` leaves it open.
 *
 * The cache makes tables of its own, named `handlevault_…`, and sets the connection's `busy_timeout`
 * to 5 ms: it waits without stopping the event loop. It never writes into a transaction that you
 * opened. `journal_mode` and `synchronous` stay as they are and say what the cache can promise: power
 * loss with `FULL` or more and `WAL`, `TRUNCATE` or `PERSIST`; with `DELETE`, SQLite's default, only
 * with `EXTRA`. File permissions, and room for deletions on a full disk, are yours to see to.
 *
 * @throws TypeError `connection` is not one, or an option is unknown or of the wrong type.
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
  checkOptions(options, "sqliteCache options", CACHE_OPTIONS);
  return new SqliteCache({
    connection,
    clock: clockOf(options),
    freeSpace: UNBOUNDED,
    watch: () => identityOfMain(connection) ?? UNWATCHED,
    purge: "manual",
    release: () => {},
  });
}

/**
 * Opens a database file, or makes one that only you can read, and returns a cache in it; `close()`
 * closes it. `":memory:"` opens a database in memory.
 *
 * Beside the file there are SQLite's own (`-wal`, `-shm`) and 2 MiB of `-ballast`: when the disk is
 * full, it is given up so that records can still be deleted. The file must be on a local disk.
 * Needs the package `better-sqlite3`.
 *
 * @throws TypeError An option is unknown or of the wrong type.
 * @throws CacheUnavailableError The file cannot be opened and written, is a symbolic link, is
 *   damaged, or was made by a newer version of this library.
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
  checkOptions(options, "openSqliteCache options", OPEN_OPTIONS);
  checkPath(path);
  const { synchronous = "full", purge = "auto" } = options;
  checkPurgeMode(purge);
  if (!SYNCHRONOUS.includes(synchronous)) {
    throw new TypeError('synchronous must be "full", "normal" or "off"');
  }
  const clock = clockOf(options);
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

/** The binary of better-sqlite3 is loaded with the first database: without it, no file is at fault. */
async function importDriver() {
  const driver = await import("better-sqlite3");
  new driver.default(":memory:").close();
  return driver;
}

function clockOf({ clock }: SqliteCacheOptions): CacheClock {
  if (clock !== undefined) checkMethods(clock, "clock", ["now"]);
  return cacheClock(clock);
}

/** better-sqlite3 would drop white space at the end, and open another file. */
function checkPath(path: unknown): asserts path is string {
  if (typeof path !== "string") throw new TypeError("path must be a string");
  if (path === "" || path.trimEnd() !== path || path.includes("\0")) {
    throw new RangeError("path must not be empty or end in white space");
  }
}
