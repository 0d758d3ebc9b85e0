/** Opens a database file for a cache that owns the connection. */
import type { CacheBackend } from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import type { CacheClock } from "../cache-clock.js";
import { Deadline } from "../deadline.js";
import type { PurgeMode } from "../purge-schedule.js";
import { SqliteCache } from "./backend.js";
import { identityOf, secureFile } from "./database-file.js";
import { isBusy, readFailure } from "./failures.js";
import { DiskFreeSpace, KEPT_LOG_BYTES } from "./free-space.js";
import { isCurrent } from "./schema.js";
import { queryValue, type SqliteConnection } from "./vendor.js";

/** How long to wait for other processes that prepare the same file. */
const OPEN_TIMEOUT_MS = 10_000;
/** SQLite's own checkpoint interval, in pages: rare checkpoints copy a page once that was rewritten often. */
const CHECKPOINT_PAGES = 4000;

/** Options of {@link openDatabase}. */
export interface OpenDatabaseOptions {
  readonly connect: (file: string) => SqliteConnection;
  readonly clock: CacheClock;
  readonly purge: PurgeMode;
  readonly synchronous: "full" | "normal" | "off";
}

/**
 * Returns a cache in a database file, which is created if it does not exist.
 *
 * @throws {@link CacheUnavailableError} The file cannot be opened for writing.
 */
export async function openDatabase(
  file: string,
  options: OpenDatabaseOptions,
): Promise<CacheBackend> {
  secureFile(file);
  const connection = connect(file, options);
  try {
    await untilFree(() => prepare(connection, options.synchronous));
    const identity = identityOf(file);
    const freeSpace = new DiskFreeSpace({ connection, path: file, file: identity });
    const cache = new SqliteCache({
      connection,
      clock: options.clock,
      purge: options.purge,
      freeSpace,
      watch: () => identity,
      release: () => {
        freeSpace.close();
        release(connection);
      },
    });
    await cache.open();
    return cache;
  } catch (error) {
    connection.close();
    throw readFailure(error);
  }
}

function connect(file: string, options: OpenDatabaseOptions): SqliteConnection {
  try {
    return options.connect(file);
  } catch (error) {
    throw readFailure(error);
  }
}

/** Sets the pragmas of a connection, and of the file if it is new. */
function prepare(connection: SqliteConnection, synchronous: string): void {
  connection.exec("PRAGMA busy_timeout = 5");
  // Throws before any change if a newer version of this library created the tables.
  isCurrent(connection);
  connection.exec("PRAGMA auto_vacuum = INCREMENTAL");
  const journal = queryValue(connection, "PRAGMA journal_mode = WAL");
  if (journal !== "wal") throw new CacheUnavailableError();
  connection.exec(`PRAGMA synchronous = ${synchronous}`);
  connection.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  connection.exec(`PRAGMA main.journal_size_limit = ${KEPT_LOG_BYTES}`);
  // SQLite silently opens a file read-only if it lacks permission to write.
  connection.exec("BEGIN IMMEDIATE; ROLLBACK");
}

async function untilFree(work: () => void): Promise<void> {
  const deadline = new Deadline({ timeoutMs: OPEN_TIMEOUT_MS });
  for (let attempt = 1; ; attempt++) {
    try {
      work();
      return;
    } catch (error) {
      if (!isBusy(error) || deadline.hasPassed) throw error;
    }
    await deadline.pause(attempt);
  }
}

function release(connection: SqliteConnection): void {
  try {
    connection.close();
  } catch (cause) {
    throw new CacheUnavailableError({ cause });
  }
}
