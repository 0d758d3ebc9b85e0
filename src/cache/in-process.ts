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
import { Arena, bytesOf, type Cut } from "./arena.js";
import { refuseAborted } from "./deadline.js";
import { ExpiryQueue } from "./expiry-queue.js";

const PURGED_PER_INSERT = 4;
const SCAN_PAGE = 1000;

/** A source of milliseconds that never goes backwards. */
export type Stopwatch = () => number;

/** A stored record: a head is small and cut from the arena, a body is large and has its own memory. */
export interface StoredRecord {
  /** Moves when the arena is tidied; the record stays the same. */
  head: Cut;
  readonly body: Uint8Array | undefined;
  readonly purgeAtMs: number;
  /** New on every write. */
  readonly revision: number;
  /** Order of insertion. */
  readonly sequence: number;
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
  delete(key: string): boolean;
  wasEvicted(key: string): boolean;
  entries(): Iterable<readonly [string, StoredRecord]>;
  clear(): void;
}

/** What an {@link InProcessCache} is made of. */
export interface InProcessOptions {
  /** Makes the map; called once, when the cache is made ready. `release` is for evicted records. */
  readonly openMap: (release: (record: StoredRecord) => void) => MaybePromise<RecordMap>;
  readonly evicts: boolean;
  readonly elapsedMs: Stopwatch;
}

/** Implements the cache contract over a bounded map. */
export class InProcessCache implements CacheBackend {
  readonly shared = false;
  readonly outlivesProcess = false;
  readonly #options: InProcessOptions;
  readonly #expiries: ExpiryQueue;
  readonly #arena = new Arena();
  #opened: RecordMap | undefined;
  #isClosed = false;
  #writes = 0;

  constructor(options: InProcessOptions) {
    this.#options = options;
    this.#expiries = new ExpiryQueue(
      (key, purgeAtMs) => this.#records.peek(key)?.purgeAtMs === purgeAtMs,
    );
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
    const purgeAtMs = Math.ceil(nowMs + options.purgeAfterMs);
    const sequence = this.#nextWrite();
    const { head, body } = record;
    const stored: StoredRecord = {
      head: this.#arena.put(head),
      body,
      purgeAtMs,
      revision: sequence,
      sequence,
    };
    records.set(key, stored, undefined);
    this.#expiries.add(key, purgeAtMs, records.size);
    this.#compact();
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
   * Pages in order of insertion: that order never changes, so records neither slip out of a scan nor
   * come up twice, whatever is written meanwhile.
   */
  scan(cursor?: string, options?: CacheCallOptions): CachePage {
    const records = this.#use(options);
    const after = cursor === undefined ? 0 : Number(cursor);
    if (!Number.isSafeInteger(after)) throw new RangeError("cursor must come from an earlier scan");
    const following = [...records.entries()]
      .filter(([, { sequence }]) => sequence > after)
      .sort(([, a], [, b]) => a.sequence - b.sequence);
    const page = following.slice(0, SCAN_PAGE);
    const entries = page.map(([key, record]) => ({ key, ...toEntry(record) }));
    const last = page.at(-1);
    const isComplete = last === undefined || page.length === following.length;
    return isComplete ? { entries } : { entries, cursor: String(last[1].sequence) };
  }

  close(): void {
    this.#isClosed = true;
    this.#opened?.clear();
    this.#opened = undefined;
    this.#expiries.clear();
    this.#arena.startOver();
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
    const { purgeAfterMs } = options;
    const purgeAtMs =
      purgeAfterMs === undefined ? record.purgeAtMs : Math.ceil(nowMs + purgeAfterMs);
    const revision = this.#nextWrite();
    const { sequence } = record;
    const cut = this.#arena.put(head);
    const stored: StoredRecord = { head: cut, body, purgeAtMs, revision, sequence };
    this.#records.set(key, stored, record);
    this.#arena.release(record.head);
    if (purgeAtMs !== record.purgeAtMs) this.#expiries.add(key, purgeAtMs, this.#records.size);
    this.#compact();
    return "replaced";
  }

  #open(): MaybePromise<RecordMap> {
    return this.#options.openMap(({ head }) => this.#arena.release(head));
  }

  #remove(key: string): boolean {
    const record = this.#records.peek(key);
    if (record !== undefined) this.#arena.release(record.head);
    const removed = this.#records.delete(key);
    this.#compact();
    return removed;
  }

  /** Moves the heads that are left closer together once they keep twice their own memory alive. */
  #compact(): void {
    if (!this.#arena.isSparse) return;
    this.#arena.startOver();
    for (const [, record] of this.#records.entries()) {
      record.head = this.#arena.put(bytesOf(record.head));
    }
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
      const key = this.#expiries.takeDue(nowMs);
      if (key === undefined) return purged;
      this.#remove(key);
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

function toEntry(record: StoredRecord): CacheEntry {
  return {
    head: bytesOf(record.head),
    revision: record.revision,
    hasBody: record.body !== undefined,
  };
}
