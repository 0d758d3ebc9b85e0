/** The cache in this process's memory; a `RecordMap` decides which records fit. */
import type {
  CacheBackend,
  CacheCallOptions,
  CacheCapabilities,
  CacheEntry,
  CachePage,
  CacheRecord,
  InsertOptions,
  MaybePromise,
  ReplaceOptions,
} from "../vault/contracts.js";
import { CacheFullError, CacheUnavailableError } from "../vault/errors.js";
import { andThen } from "../vault/maybe-promise.js";
import { Arena, bytesOf, type Slice } from "./arena.js";
import { refuseAborted } from "./deadline.js";
import { ExpiryQueue, type QueueEntry } from "./expiry-queue.js";
import { InsertionOrder, type ScanPosition } from "./insertion-order.js";

const PURGED_PER_INSERT = 4;
const SCAN_PAGE = 1000;
/** How many heads one write moves: this takes some microseconds. */
const MOVED_PER_WRITE = 8;

const CURSOR = /^(\d{1,15})-(\d{1,15})$/;

/** A source of milliseconds that never goes backwards. */
export type Stopwatch = () => number;

/** The part of a stored record that stays the same when the record is rewritten. */
export interface RecordPlace extends QueueEntry {
  readonly key: string;
  /** The number of its insertion; it grows with every insertion. */
  readonly insertion: number;
}

/** A stored record. The head is small and lives in the arena; the body is large and has its own memory. */
export interface StoredRecord {
  /** Changes when the arena is compacted; the record stays the same. */
  head: Slice;
  readonly body: Uint8Array | undefined;
  /** New on every write. */
  readonly revision: number;
  readonly place: RecordPlace;
}

/** Stores records within bounds. */
export interface RecordMap {
  readonly size: number;
  /** The most bytes of keys and records together. */
  readonly maxBytes: number;
  /** Returns a record. In a map that evicts, this counts as a use. */
  get(key: string): StoredRecord | undefined;
  /** Returns a record without counting a use. */
  peek(key: string): StoredRecord | undefined;
  /** Returns whether `byteCount` more bytes in `recordCount` more records would exceed the bounds. */
  lacksRoom(byteCount: number, recordCount: number): boolean;
  /** Stores a record in place of `previous`, the current one. */
  set(key: string, record: StoredRecord, previous: StoredRecord | undefined): void;
  delete(key: string): void;
  wasEvicted(key: string): boolean;
  clear(): void;
}

/** The parts of an {@link InProcessCache}. */
export interface InProcessOptions {
  /**
   * Creates the map; called once, by `ready()`. The map calls `release` for every record that it evicts;
   * `release` returns the purge time of that record.
   */
  readonly openMap: (release: (record: StoredRecord) => number) => MaybePromise<RecordMap>;
  readonly evicts: boolean;
  readonly elapsedMs: Stopwatch;
}

/** Implements the cache contract over a bounded map. */
export class InProcessCache implements CacheBackend {
  readonly shared = false;
  readonly outlivesProcess = false;
  readonly #options: InProcessOptions;
  readonly #expiries = new ExpiryQueue<RecordPlace>();
  readonly #order = new InsertionOrder();
  readonly #arena = new Arena();
  /** The position of a compaction in progress. */
  #moving: ScanPosition | undefined;
  #opened: RecordMap | undefined;
  #isClosed = false;
  #writes = 0;

  constructor(options: InProcessOptions) {
    this.#options = options;
  }

  ready(): MaybePromise<CacheCapabilities> {
    if (this.#isClosed) throw new CacheUnavailableError();
    return andThen(this.#opened ?? this.#open(), (records) => {
      if (this.#isClosed) throw new CacheUnavailableError();
      this.#opened ??= records;
      return { durability: "none", evicts: this.#options.evicts };
    });
  }

  insert(key: string, record: CacheRecord, options: InsertOptions): "inserted" | "exists" {
    const records = this.#use(options);
    const nowMs = this.#options.elapsedMs();
    this.#purge(PURGED_PER_INSERT, nowMs);
    if (records.peek(key) !== undefined) return "exists";
    this.#makeRoom(sizeOf(key, record), nowMs);
    const place: RecordPlace = { key, insertion: this.#order.add(key), index: -1 };
    const head = this.#arena.put(record.head);
    const revision = this.#nextWrite();
    records.set(key, { head, body: record.body, revision, place }, undefined);
    this.#expiries.add(place, Math.ceil(nowMs + options.purgeAfterMs));
    this.#tidy();
    return "inserted";
  }

  get(key: string, options?: CacheCallOptions): CacheEntry | "evicted" | undefined {
    const records = this.#use(options);
    const record = records.get(key);
    if (record !== undefined) return toEntry(record);
    return records.wasEvicted(key) ? "evicted" : undefined;
  }

  getBody(key: string, options?: CacheCallOptions): Uint8Array | undefined {
    return this.#use(options).get(key)?.body;
  }

  replace(
    key: string,
    head: Uint8Array | undefined,
    options: ReplaceOptions,
  ): "replaced" | "conflict" | "absent" {
    const record = this.#use(options).peek(key);
    if (record === undefined) return "absent";
    if (record.revision !== options.ifRevision) return "conflict";
    if (head !== undefined) return this.#rewrite(key, record, head, options);
    this.#remove(key);
    return "replaced";
  }

  delete(key: string, options?: CacheCallOptions): boolean {
    this.#use(options);
    return this.#remove(key);
  }

  purgeExpired(limit: number, options?: CacheCallOptions): number {
    this.#use(options);
    return this.#purge(limit, this.#options.elapsedMs());
  }

  /**
   * Returns pages in the order of insertion. This order never changes, so no record is missed or
   * returned twice, whatever is written between two pages. A scan covers the records that existed when it
   * began, so it ends even if writers insert faster than it reads.
   */
  scan(cursor?: string, options?: CacheCallOptions): CachePage {
    const records = this.#use(options);
    const position = cursor === undefined ? this.#order.start() : parseCursor(cursor);
    const { keys, next } = this.#order.page(position, SCAN_PAGE);
    const entries = keys.flatMap((key) => {
      const record = records.peek(key);
      return record === undefined ? [] : [{ key, ...toEntry(record) }];
    });
    return next === undefined ? { entries } : { entries, cursor: `${next.from}-${next.until}` };
  }

  close(): void {
    this.#isClosed = true;
    this.#opened?.clear();
    this.#opened = undefined;
    this.#expiries.clear();
    this.#order.clear();
    this.#arena.clear();
  }

  /** Returns the records. Throws if the cache is not open or the caller has aborted. */
  #use(options: CacheCallOptions | undefined): RecordMap {
    refuseAborted(options);
    return this.#records;
  }

  get #records(): RecordMap {
    if (this.#opened === undefined) throw new CacheUnavailableError();
    return this.#opened;
  }

  #rewrite(
    key: string,
    record: StoredRecord,
    head: Uint8Array,
    options: ReplaceOptions,
  ): "replaced" | "absent" {
    const nowMs = this.#options.elapsedMs();
    const body = options.dropBody ? undefined : record.body;
    this.#makeRoom(sizeOf(key, { head, body }), nowMs, { key, record });
    // Purging due records to make room may have removed this record, too.
    if (this.#records.peek(key) !== record) return "absent";
    const { place } = record;
    const revision = this.#nextWrite();
    const stored: StoredRecord = { head: this.#arena.put(head), body, revision, place };
    this.#records.set(key, stored, record);
    this.#arena.release(record.head);
    const { purgeAfterMs } = options;
    if (purgeAfterMs !== undefined) {
      this.#expiries.reschedule(place, Math.ceil(nowMs + purgeAfterMs));
    }
    this.#tidy();
    return "replaced";
  }

  #open(): MaybePromise<RecordMap> {
    return this.#options.openMap((record) => this.#release(record));
  }

  #remove(key: string): boolean {
    const record = this.#records.peek(key);
    this.#records.delete(key);
    if (record === undefined) return false;
    this.#release(record);
    this.#tidy();
    return true;
  }

  /** Frees everything of a record outside the map. Returns its purge time. */
  #release({ head, place }: StoredRecord): number {
    const purgeAtMs = this.#expiries.timeOf(place);
    this.#arena.release(head);
    this.#expiries.remove(place);
    this.#order.delete(place.insertion);
    return purgeAtMs;
  }

  /**
   * Compacts the arena once the live heads keep twice their own size in memory. Each write moves a few
   * heads, so that no single write takes long.
   */
  #tidy(): void {
    if (this.#moving === undefined) {
      if (!this.#arena.isSparse) return;
      this.#arena.beginMove();
      this.#moving = this.#order.start();
    }
    const { keys, next } = this.#order.page(this.#moving, MOVED_PER_WRITE);
    for (const key of keys) this.#moveHead(key);
    this.#moving = next;
    if (next === undefined) this.#arena.endMove();
  }

  #moveHead(key: string): void {
    const record = this.#records.peek(key);
    if (record !== undefined) record.head = this.#arena.move(record.head);
  }

  /** Purges due records until `byteCount` bytes fit, in place of the record `replaced` if it is given. */
  #makeRoom(
    byteCount: number,
    nowMs: number,
    replaced?: { readonly key: string; readonly record: StoredRecord },
  ): void {
    if (byteCount > this.#records.maxBytes) throw new CacheFullError();
    const growth = replaced ? byteCount - sizeOf(replaced.key, replaced.record) : byteCount;
    const recordCount = replaced ? 0 : 1;
    while (growth > 0 && this.#records.lacksRoom(growth, recordCount)) {
      if (this.#purge(1, nowMs) === 0) throw new CacheFullError();
    }
  }

  #purge(limit: number, nowMs: number): number {
    for (let purged = 0; purged < limit; purged++) {
      const due = this.#expiries.firstDue(nowMs);
      if (due === undefined) return purged;
      this.#remove(due.key);
    }
    return limit;
  }

  #nextWrite(): number {
    this.#writes += 1;
    return this.#writes;
  }
}

/** Returns the size of a record in bytes: key, head and body. */
export function sizeOf(
  key: string,
  record: { readonly head: { readonly length: number }; readonly body?: Uint8Array | undefined },
): number {
  return key.length + record.head.length + (record.body?.length ?? 0);
}

function parseCursor(cursor: string): ScanPosition {
  const [, from, until] = CURSOR.exec(cursor) ?? [];
  if (from === undefined || until === undefined) {
    throw new RangeError("cursor must come from an earlier scan");
  }
  return { from: Number(from), until: Number(until) };
}

function toEntry(record: StoredRecord): CacheEntry {
  return {
    head: bytesOf(record.head),
    revision: record.revision,
    hasBody: record.body !== undefined,
  };
}
