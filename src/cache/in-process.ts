/** The cache inside this process, whatever keeps its records and makes room for them. */
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
/** A write takes some microseconds longer while heads are being moved. */
const MOVED_PER_WRITE = 8;

const CURSOR = /^(\d{1,15})-(\d{1,15})$/;

/** A source of milliseconds that never goes backwards. */
export type Stopwatch = () => number;

/** What of a stored record stays the same when it is rewritten. */
export interface RecordPlace extends QueueEntry {
  readonly key: string;
  /** The number of its insertion: a later one has a higher number. */
  readonly insertion: number;
}

/** A stored record: a head is small and cut from the arena, a body is large and has its own memory. */
export interface StoredRecord {
  /** Moves when the arena is tidied; the record stays the same. */
  head: Slice;
  readonly body: Uint8Array | undefined;
  /** New on every write. */
  readonly revision: number;
  readonly place: RecordPlace;
}

/** Keeps records within bounds. */
export interface RecordMap {
  readonly size: number;
  /** The most bytes of keys and records together. */
  readonly maxBytes: number;
  /** Returns a record; to a map that evicts, this is a use of it. */
  get(key: string): StoredRecord | undefined;
  /** Returns a record without counting that as a use. */
  peek(key: string): StoredRecord | undefined;
  /** Tells whether `byteCount` more bytes, in `recordCount` more records, would break the bounds. */
  lacksRoom(byteCount: number, recordCount: number): boolean;
  /** Stores a record in place of `previous`, the one that is stored now. */
  set(key: string, record: StoredRecord, previous: StoredRecord | undefined): void;
  delete(key: string): void;
  wasEvicted(key: string): boolean;
  clear(): void;
}

/** What an {@link InProcessCache} is made of. */
export interface InProcessOptions {
  /**
   * Makes the map; called once, when the cache is made ready. The map calls `release` for every record
   * that it evicts, which returns the purge time of that record.
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
  /** How far the heads have been moved, while they are. */
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
   * Returns pages in the order of insertion. That order never changes, so that no record is missed or
   * comes up twice, whatever is written between two pages. A scan ends with the records that were there
   * when it began: it does not follow writers that insert faster than it reads.
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

  /** Returns the records, unless the caller has given up already. */
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
    // What was due may have made room, this record with it.
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

  /** Frees what is kept of a record besides its entry in the map; returns its purge time. */
  #release({ head, place }: StoredRecord): number {
    const purgeAtMs = this.#expiries.timeOf(place);
    this.#arena.release(head);
    this.#expiries.remove(place);
    this.#order.delete(place.insertion);
    return purgeAtMs;
  }

  /**
   * Moves heads closer together once they keep twice their own memory alive: some with each write, so
   * that no write takes the time of all.
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

  /** Purges what is due until a record of `byteCount` fits, in place of another if one is given. */
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

/** Returns how many bytes a record counts for: key, head and body. */
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
