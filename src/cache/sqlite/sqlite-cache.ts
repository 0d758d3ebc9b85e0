/** The cache contract over a SQLite connection. */
import {
  type CacheBackend,
  type CacheCallOptions,
  type CacheCapabilities,
  type CacheEntry,
  type CachePage,
  type CacheRecord,
  type Clock,
  type InsertOptions,
  MAX_INLINE_BYTES,
  type MaybePromise,
  type ReplaceOptions,
} from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import { andThen } from "../../vault/maybe-promise.js";
import { Deadline, refuseAborted } from "../deadline.js";
import { capabilitiesOf, checkVersion, flushMomentOf } from "./capabilities.js";
import { isBusy, readFailure, type SqliteConnection } from "./connection.js";
import { PurgeIndex } from "./purge-index.js";
import { isCurrent, migrate } from "./schema.js";
import { RecordStatements } from "./statements.js";
import { type Room, WriteQueue } from "./write-queue.js";

/** Waiting inside SQLite stops the event loop; longer waits are done outside of it. */
const BUSY_TIMEOUT_MS = 5;
/** The most records that one transaction of a purge removes. */
const PURGE_BATCH = 250;
/** After how many inserts the index of purge times catches up, so that no purge has much to do. */
const INSERTS_PER_STEP = 500;
/** The most pages that are given back to the file system after each. */
const VACUUM_PAGES = 256;

/** What a {@link SqliteCache} works with. */
export interface SqliteCacheParts {
  readonly connection: SqliteConnection;
  readonly clock: Clock;
  readonly room: Room;
  /** Releases what was opened for the cache. */
  readonly release: () => void;
}

/** What is there once the tables are. */
interface Opened {
  readonly statements: RecordStatements;
  readonly purges: PurgeIndex;
  readonly writes: WriteQueue;
}

/** Implements the cache contract over a connection, its own or somebody else's. */
export class SqliteCache implements CacheBackend {
  readonly shared: boolean;
  readonly outlivesProcess: boolean;
  readonly maxInlineBytes: number = MAX_INLINE_BYTES;
  readonly #parts: SqliteCacheParts;
  readonly #connection: SqliteConnection;
  #opened: Opened | undefined;
  #isClosed = false;
  #insertsSinceStep = 0;

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

  /** Makes the tables, if they are not there, and prepares the statements. */
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
    const { statements, writes } = this.#use(options);
    const purgeAtMs = this.#fromNow(options.purgeAfterMs);
    const { head, body } = record;
    this.#insertsSinceStep += 1;
    if (this.#insertsSinceStep >= INSERTS_PER_STEP) void this.#catchUp();
    return writes.submit(
      {
        apply: () => statements.insert(key, record, purgeAtMs),
        bytes: key.length + head.length + (body?.length ?? 0),
        isSingleStatement: body === undefined,
        isRemoval: false,
      },
      options,
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
    const { statements, writes } = this.#use(options);
    const { ifRevision, purgeAfterMs, dropBody = false } = options;
    const purgeAtMs = purgeAfterMs === undefined ? undefined : this.#fromNow(purgeAfterMs);
    const body = dropBody ? "drop" : "keep";
    const next = head === undefined ? undefined : ({ head, purgeAtMs, body } as const);
    return writes.submit(
      {
        apply: () => statements.replace(key, ifRevision, next),
        // A head takes the place of one that is about as long.
        bytes: 0,
        isSingleStatement: head === undefined || !dropBody,
        isRemoval: head === undefined || dropBody,
      },
      options,
    );
  }

  delete(key: string, options?: CacheCallOptions): MaybePromise<boolean> {
    checkKey(key);
    const { statements, writes } = this.#use(options);
    return writes.submit(
      removal(() => statements.delete(key)),
      options,
    );
  }

  async purgeExpired(limit: number, options?: CacheCallOptions): Promise<number> {
    const deadline = new Deadline(options);
    // The steps share the time of the whole.
    const rest = () => ({ timeoutMs: deadline.remainingMs, signal: options?.signal });
    let purged = 0;
    try {
      let isBehind = await this.#read(rest(), () => this.#use(options).purges.isBehind);
      while (isBehind && !deadline.hasPassed) isBehind = await this.#index("purge", rest());
      while (purged < limit && !deadline.hasPassed) {
        const batch = Math.min(PURGE_BATCH, limit - purged);
        const removed = await this.#purge(batch, rest());
        purged += removed;
        if (removed > 0) await this.#vacuum(rest());
        if (removed < batch) break;
      }
    } catch (error) {
      // What was purged before is purged.
      if (purged === 0) throw error;
    }
    return purged;
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
    try {
      this.#opened?.writes.close();
    } finally {
      this.#opened = undefined;
      this.#parts.release();
    }
  }

  #use(options: CacheCallOptions | undefined): Opened {
    if (this.#opened === undefined) throw new CacheUnavailableError();
    refuseAborted(options);
    return this.#opened;
  }

  #fromNow(ms: number): number {
    return Math.ceil(this.#parts.clock.now() + ms);
  }

  #openTables(): Opened {
    const connection = this.#connection;
    connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    // The owner may roll the tables back again.
    if (!isCurrent(connection)) migrate(connection);
    return {
      statements: new RecordStatements(connection),
      purges: new PurgeIndex(connection),
      writes: new WriteQueue(connection, this.#parts.room),
    };
  }

  /** Lets the index of purge times catch up by one step; tells whether there may be more to do. */
  #index(before: "insert" | "purge", options?: CacheCallOptions): MaybePromise<boolean> {
    const { purges, writes } = this.#use(options);
    this.#insertsSinceStep = 0;
    const apply = () => purges.step();
    const isRemoval = before === "purge";
    return writes.submit({ apply, bytes: 0, isSingleStatement: false, isRemoval }, options);
  }

  async #catchUp(): Promise<void> {
    try {
      await this.#index("insert");
    } catch {
      // What fails here is done by the next purge.
    }
  }

  #purge(limit: number, options: CacheCallOptions | undefined): MaybePromise<number> {
    const { purges, writes } = this.#use(options);
    const nowMs = this.#parts.clock.now();
    return writes.submit(
      removal(() => purges.purge(nowMs, limit)),
      options,
    );
  }

  /** Gives pages back to the file system, where the file was made for that. */
  async #vacuum(options: CacheCallOptions | undefined): Promise<void> {
    const apply = () => this.#connection.exec(`PRAGMA main.incremental_vacuum(${VACUUM_PAGES})`);
    try {
      await this.#use(options).writes.submit(removal(apply), options);
    } catch {
      // The next purge gives back more.
    }
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

/** Lone surrogates would all be stored as the same bytes, and be the same key. */
function checkKey(key: string): void {
  if (!key.isWellFormed()) throw new RangeError("key must be well-formed Unicode");
}

function removal<T>(apply: () => T) {
  return { apply, bytes: 0, isSingleStatement: true, isRemoval: true } as const;
}
