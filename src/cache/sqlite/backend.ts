/** The cache contract over a SQLite connection. */
import {
  type CacheBackend,
  type CacheCallOptions,
  type CacheCapabilities,
  type CacheEntry,
  type CachePage,
  type CacheRecord,
  type InsertOptions,
  MAX_INLINE_BYTES,
  type MaybePromise,
  type ReplaceOptions,
} from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import { andThen } from "../../vault/maybe-promise.js";
import type { CacheClock } from "../cache-clock.js";
import { Deadline, refuseAborted } from "../deadline.js";
import type { WatchedFile } from "../file-identity.js";
import { type PurgeMode, PurgeSchedule } from "../purge-schedule.js";
import { UNWATCHED } from "./database-file.js";
import { capabilitiesOf, checkVersion, flushMomentOf } from "./durability.js";
import { isBusy, readFailure } from "./failures.js";
import type { FreeSpace } from "./free-space.js";
import type { Write } from "./pending-write.js";
import { Purger } from "./purger.js";
import { isCurrent, migrate } from "./schema.js";
import { RecordStatements } from "./statements.js";
import type { SqliteConnection } from "./vendor.js";
import { WriteQueue } from "./write-queue.js";

/** SQLite blocks the event loop while it waits for a lock. Longer waits use timers instead. */
const BUSY_TIMEOUT_MS = 5;

/** The parts of a {@link SqliteCache}. */
export interface SqliteCacheParts {
  readonly connection: SqliteConnection;
  readonly clock: CacheClock;
  readonly freeSpace: FreeSpace;
  /** Returns the file of the open database; absent for a database in memory. */
  readonly watch?: (() => WatchedFile) | undefined;
  readonly purge: PurgeMode;
  /** Closes the connection and the timers that were opened for the cache. */
  readonly release: () => void;
}

/** The options of the call that submits a write, and the purge time that the write sets. */
interface WriteContext {
  readonly options: CacheCallOptions | undefined;
  readonly purgeAtMs?: number | undefined;
}

/** Everything that exists once the tables do. */
interface Opened {
  readonly statements: RecordStatements;
  readonly writes: WriteQueue;
  readonly purger: Purger;
  readonly schedule: PurgeSchedule | undefined;
  readonly file: WatchedFile;
}

/** Implements the cache contract over a connection, which the cache or its caller owns. */
export class SqliteCache implements CacheBackend {
  readonly shared: boolean;
  readonly outlivesProcess: boolean;
  readonly maxInlineBytes: number = MAX_INLINE_BYTES;
  readonly #parts: SqliteCacheParts;
  readonly #connection: SqliteConnection;
  #opened: Opened | undefined;
  #isClosed = false;

  constructor(parts: SqliteCacheParts) {
    this.#parts = parts;
    this.#connection = parts.connection;
    this.shared = !parts.connection.memory;
    this.outlivesProcess = this.shared;
  }

  ready(): MaybePromise<CacheCapabilities> {
    return andThen(this.open(), () =>
      this.#read(undefined, () => {
        checkVersion(this.#connection);
        const capabilities = capabilitiesOf(this.#connection);
        this.#use(undefined).writes.flushMoment = flushMomentOf(this.#connection, capabilities);
        return capabilities;
      }),
    );
  }

  /** Creates the tables if necessary, and prepares the statements. */
  open(): MaybePromise<void> {
    if (this.#isClosed) throw new CacheUnavailableError();
    if (this.#opened !== undefined) return undefined;
    return this.#read(undefined, () => {
      if (this.#isClosed) throw new CacheUnavailableError();
      this.#opened ??= this.#openTables();
    });
  }

  insert(
    key: string,
    record: CacheRecord,
    options: InsertOptions,
  ): MaybePromise<"inserted" | "exists"> {
    checkKey(key);
    const opened = this.#use(options);
    const { statements, purger } = opened;
    const purgeAtMs = this.#fromNow(options.purgeAfterMs);
    const { head, body } = record;
    purger.onInsert(purgeAtMs);
    return this.#write(
      opened,
      {
        apply: () => statements.insert(key, record, purgeAtMs),
        bytes: key.length + head.length + (body?.length ?? 0),
        isSingleStatement: body === undefined,
        isRemoval: false,
      },
      { options, purgeAtMs },
    );
  }

  get(key: string, options?: CacheCallOptions): MaybePromise<CacheEntry | undefined> {
    checkKey(key);
    const { statements } = this.#use(options);
    try {
      return statements.get(key);
    } catch (error) {
      return this.#readAgain(error, options, () => statements.get(key));
    }
  }

  getBody(key: string, options?: CacheCallOptions): MaybePromise<Uint8Array | undefined> {
    checkKey(key);
    const { statements } = this.#use(options);
    return this.#read(options, () => statements.getBody(key));
  }

  replace(
    key: string,
    head: Uint8Array | undefined,
    options: ReplaceOptions,
  ): MaybePromise<"replaced" | "conflict" | "absent"> {
    checkKey(key);
    const opened = this.#use(options);
    const { ifRevision, purgeAfterMs, dropBody = false } = options;
    const purgeAtMs = purgeAfterMs === undefined ? undefined : this.#fromNow(purgeAfterMs);
    const body = dropBody ? "drop" : "keep";
    const next = head === undefined ? undefined : ({ head, purgeAtMs, body } as const);
    return this.#write(
      opened,
      {
        apply: () => opened.statements.replace(key, ifRevision, next),
        // The new head replaces one of about the same length.
        bytes: 0,
        isSingleStatement: head === undefined || !dropBody,
        isRemoval: head === undefined || dropBody,
      },
      { options, purgeAtMs },
    );
  }

  delete(key: string, options?: CacheCallOptions): MaybePromise<boolean> {
    checkKey(key);
    const opened = this.#use(options);
    const apply = () => opened.statements.delete(key);
    const write = { apply, bytes: 0, isSingleStatement: true, isRemoval: true };
    return this.#write(opened, write, { options });
  }

  async purgeExpired(limit: number, options?: CacheCallOptions): Promise<number> {
    return this.#use(options).purger.purgeExpired(limit, options);
  }

  scan(cursor?: string, options?: CacheCallOptions): MaybePromise<CachePage> {
    const { statements } = this.#use(options);
    const after = cursor === undefined ? 0 : Number(cursor);
    if (!Number.isSafeInteger(after)) throw new RangeError("cursor must come from an earlier scan");
    return this.#read(options, () => statements.scan(after));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#opened?.schedule?.stop();
    this.#opened?.purger.stop();
    try {
      this.#opened?.writes.close();
    } finally {
      this.#opened = undefined;
      this.#parts.release();
    }
  }

  /**
   * Throws if the cache is not open, its file was removed or replaced, or the caller has aborted. A lost
   * file is not read either: other processes may have revoked its records in the new file.
   */
  #use(options: CacheCallOptions | undefined): Opened {
    if (this.#opened?.file.isIntact !== true) throw new CacheUnavailableError();
    refuseAborted(options);
    return this.#opened;
  }

  /** Submits a write, and lets the schedule purge along with it. */
  #write<T>(
    { writes, schedule }: Opened,
    write: Write<T>,
    { options, purgeAtMs }: WriteContext,
  ): MaybePromise<T> {
    try {
      return writes.submit(write, options);
    } finally {
      // Also if the write was refused for lack of space: a purge frees some.
      schedule?.onWrite(purgeAtMs);
    }
  }

  #fromNow(ms: number): number {
    return Math.ceil(this.#parts.clock.now() + ms);
  }

  #openTables(): Opened {
    const connection = this.#connection;
    connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    // The owner of the connection may have rolled the tables back.
    if (!isCurrent(connection)) migrate(connection);
    const { clock, freeSpace, purge, watch } = this.#parts;
    const file = watch?.() ?? UNWATCHED;
    const statements = new RecordStatements(connection);
    const writes = new WriteQueue(connection, freeSpace, file);
    const purger = new Purger({ connection, writes, clock });
    const schedule =
      purge === "auto" ? new PurgeSchedule({ work: purger, clock }, purger.nextMs) : undefined;
    return { statements, writes, purger, schedule, file };
  }

  #read<T>(options: CacheCallOptions | undefined, read: () => T): MaybePromise<T> {
    try {
      return read();
    } catch (error) {
      return this.#readAgain(error, options, read);
    }
  }

  #readAgain<T>(error: unknown, options: CacheCallOptions | undefined, read: () => T): Promise<T> {
    if (!isBusy(error)) throw readFailure(error);
    return this.#readLater(new Deadline(options), read);
  }

  async #readLater<T>(deadline: Deadline, read: () => T): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      await deadline.pause(attempt);
      if (this.#isClosed) throw new CacheUnavailableError();
      try {
        return read();
      } catch (error) {
        if (!isBusy(error) || deadline.hasPassed) throw readFailure(error);
      }
    }
  }
}

/** Throws for lone surrogates: SQLite would store all of them as the same bytes, hence as the same key. */
function checkKey(key: string): void {
  if (!key.isWellFormed()) throw new RangeError("key must be well-formed Unicode");
}
