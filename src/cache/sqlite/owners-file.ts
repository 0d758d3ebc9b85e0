/** The files of a database whose connection somebody else opened. */
import { performance } from "node:perf_hooks";
import { FileIdentity, LOOK_MS, type WatchedFile } from "../file-identity.js";
import { preparePluck, type SqliteConnection, type SqliteStatement } from "./vendor.js";

/**
 * Remembers a database, and its log as long as its owner keeps one: what is committed to a log that was
 * removed is found by nobody else. Another build of SQLite in this process does that when it closes the
 * file, as it does not see who else has it open. The owner may leave `WAL` and take it up again; only the
 * connection that is watched can, while it is open.
 */
export class OwnersFile implements WatchedFile {
  readonly #logPath: string;
  readonly #journalMode: SqliteStatement;
  readonly #database: FileIdentity;
  readonly #elapsedMs = (): number => this.#lookedAtMs;
  #log: FileIdentity | undefined;
  #isLogToCome = false;
  #isLost = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

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
    if (nowMs - this.#lookedAtMs < LOOK_MS) return true;
    this.#lookedAtMs = nowMs;
    const isIntact = this.#database.isIntact && this.#isLogIntact();
    // What could not be looked at, or is not there yet, is looked at again, and at once.
    if (!isIntact || this.#isLogToCome) this.#lookedAtMs = Number.NEGATIVE_INFINITY;
    return isIntact;
  }

  #isLogIntact(): boolean {
    const hasLog = this.#hasLog();
    if (hasLog === undefined) return true;
    this.#log = hasLog ? (this.#log ?? this.#rememberLog()) : undefined;
    this.#isLogToCome = hasLog && this.#log === undefined;
    if (this.#log === undefined || this.#log.isIntact) return true;
    this.#isLost = this.#log.isLost;
    return false;
  }

  /** SQLite makes it with the first read or write. */
  #rememberLog(): FileIdentity | undefined {
    try {
      return new FileIdentity(this.#logPath, { elapsedMs: this.#elapsedMs });
    } catch {
      return undefined;
    }
  }

  /** Whether the database has a log; `undefined` while its owner goes through the rows of a query. */
  #hasLog(): boolean | undefined {
    try {
      return this.#journalMode.get() === "wal";
    } catch {
      return undefined;
    }
  }
}
