/** The files of a database that the application opened itself. */
import { performance } from "node:perf_hooks";
import { FileIdentity, LOOK_MS, type WatchedFile } from "../file-identity.js";
import { preparePluck, type SqliteConnection, type SqliteStatement } from "./vendor.js";

/**
 * Remembers the identity of a database and, in mode `WAL`, of its log. Transactions that are committed to a log
 * which was removed are lost for every other connection. Another build of SQLite in this process removes it when
 * it closes the file, because it does not see this process's other connections. The owner may leave `WAL` and
 * return to it.
 */
export class OwnersFile implements WatchedFile {
  readonly #logPath: string;
  readonly #journalMode: SqliteStatement;
  readonly #database: FileIdentity;
  readonly #elapsedMs = (): number => this.#checkedAtMs;
  #log: FileIdentity | undefined;
  #isLogMissing = false;
  #isLost = false;
  #checkedAtMs = Number.NEGATIVE_INFINITY;

  /** @throws {@link CacheUnavailableError} The path names no file. */
  constructor(path: string, connection: SqliteConnection) {
    this.#logPath = `${path}-wal`;
    this.#journalMode = preparePluck(connection, "PRAGMA main.journal_mode");
    this.#database = new FileIdentity(path, { elapsedMs: this.#elapsedMs });
    this.#isLogIntact();
  }

  get isIntact(): boolean {
    if (this.#isLost) return false;
    const nowMs = performance.now();
    if (nowMs - this.#checkedAtMs < LOOK_MS) return true;
    this.#checkedAtMs = nowMs;
    const isIntact = this.#database.isIntact && this.#isLogIntact();
    // A check that failed, or a log that does not exist yet, is checked again at the next call.
    if (!isIntact || this.#isLogMissing) this.#checkedAtMs = Number.NEGATIVE_INFINITY;
    return isIntact;
  }

  #isLogIntact(): boolean {
    const hasLog = this.#hasLog();
    if (hasLog === undefined) return true;
    this.#log = hasLog ? (this.#log ?? this.#rememberLog()) : undefined;
    this.#isLogMissing = hasLog && this.#log === undefined;
    if (this.#log === undefined || this.#log.isIntact) return true;
    this.#isLost = this.#log.isLost;
    return false;
  }

  /** Returns the identity of the log; `undefined` before SQLite creates it, at the first read or write. */
  #rememberLog(): FileIdentity | undefined {
    try {
      return new FileIdentity(this.#logPath, { elapsedMs: this.#elapsedMs });
    } catch {
      return undefined;
    }
  }

  /** Returns whether the database has a log; `undefined` while its owner iterates over the rows of a query. */
  #hasLog(): boolean | undefined {
    try {
      return this.#journalMode.get() === "wal";
    } catch {
      return undefined;
    }
  }
}
