/** The cache inside this process, whatever keeps its records and makes room for them. */
import { allocateShortLived } from "../primitives/slab.js";
import type {
  CacheBackend,
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
import { ExpiryQueue } from "./expiry-queue.js";

const PURGED_PER_INSERT = 4;
const SCAN_PAGE = 1000;

/** A source of milliseconds that never goes backwards. */
export type Stopwatch = () => number;

/**
 * A stored record. The head is text, a character a byte: half the memory of a small `Buffer`, and
 * nobody who was handed it can change it. Bodies are large and stay bytes.
 */
export interface StoredRecord {
  readonly head: string;
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
  /** Returns a record; to a map that evicts, this is a use of it. */
  get(key: string): StoredRecord | undefined;
  /** Returns a record without counting that as a use. */
  peek(key: string): StoredRecord | undefined;
  /** Tells whether `byteCount` more bytes, in `recordCount` more records, would break the bounds. */
  lacksRoom(byteCount: number, recordCount: number): boolean;
  set(key: string, record: StoredRecord): void;
  delete(key: string): boolean;
  wasEvicted(key: string): boolean;
  entries(): Iterable<readonly [string, StoredRecord]>;
  clear(): void;
}

/** What an {@link InProcessCache} is made of. */
export interface InProcessOptions {
  /** Makes the map; called once, when the cache is made ready. */
  readonly openMap: () => MaybePromise<RecordMap>;
  readonly evicts: boolean;
  readonly elapsedMs: Stopwatch;
}

/** Implements the cache contract over a bounded map. */
export class InProcessCache implements CacheBackend {
  readonly shared = false;
  readonly outlivesProcess = false;
  readonly #options: InProcessOptions;
  readonly #expiries: ExpiryQueue;
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
    return andThen(this.#opened ?? this.#options.openMap(), (records) => {
      this.#opened ??= records;
      return { durability: "none", evicts: this.#options.evicts };
    });
  }

  insert(key: string, record: CacheRecord, options: InsertOptions): "inserted" | "exists" {
    const records = this.#records;
    const nowMs = this.#options.elapsedMs();
    this.#purge(PURGED_PER_INSERT, nowMs);
    if (records.peek(key) !== undefined) return "exists";
    this.#makeRoom(sizeOf(key, record), 1, nowMs);
    const purgeAtMs = nowMs + options.purgeAfterMs;
    const sequence = this.#nextWrite();
    const { head, body } = record;
    records.set(key, {
      head: toText(head),
      body: body === undefined ? undefined : copyOf(body),
      purgeAtMs,
      revision: sequence,
      sequence,
    });
    this.#expiries.add(key, purgeAtMs, records.size);
    return "inserted";
  }

  get(key: string): CacheEntry | "evicted" | undefined {
    const records = this.#records;
    const record = records.get(key);
    if (record !== undefined) return toEntry(record);
    return records.wasEvicted(key) ? "evicted" : undefined;
  }

  getBody(key: string): Uint8Array | undefined {
    return this.#records.get(key)?.body;
  }

  replace(
    key: string,
    head: Uint8Array | undefined,
    options: ReplaceOptions,
  ): "replaced" | "conflict" | "absent" {
    const records = this.#records;
    const record = records.peek(key);
    if (record === undefined) return "absent";
    if (record.revision !== options.ifRevision) return "conflict";
    if (head === undefined) records.delete(key);
    else this.#rewrite(key, record, head, options);
    return "replaced";
  }

  delete(key: string): boolean {
    return this.#records.delete(key);
  }

  purgeExpired(limit: number): number {
    return this.#purge(limit, this.#options.elapsedMs());
  }

  /**
   * Pages in order of insertion: that order never changes, so records neither slip out of a scan nor
   * come up twice, whatever is written meanwhile.
   */
  scan(cursor?: string): CachePage {
    const after = cursor === undefined ? 0 : Number(cursor);
    const following = [...this.#records.entries()]
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
  }

  get #records(): RecordMap {
    if (this.#opened === undefined) throw new CacheUnavailableError();
    return this.#opened;
  }

  #rewrite(key: string, record: StoredRecord, head: Uint8Array, options: ReplaceOptions): void {
    const nowMs = this.#options.elapsedMs();
    const body = options.dropBody ? undefined : record.body;
    const growth = sizeOf(key, { head, body }) - sizeOf(key, record);
    if (growth > 0) this.#makeRoom(growth, 0, nowMs);
    const { purgeAfterMs } = options;
    const purgeAtMs = purgeAfterMs === undefined ? record.purgeAtMs : nowMs + purgeAfterMs;
    const revision = this.#nextWrite();
    this.#records.set(key, { ...record, head: toText(head), body, purgeAtMs, revision });
    if (purgeAtMs !== record.purgeAtMs) this.#expiries.add(key, purgeAtMs, this.#records.size);
  }

  #makeRoom(byteCount: number, recordCount: number, nowMs: number): void {
    while (this.#records.lacksRoom(byteCount, recordCount)) {
      if (this.#purge(1, nowMs) === 0) throw new CacheFullError();
    }
  }

  #purge(limit: number, nowMs: number): number {
    for (let purged = 0; purged < limit; purged++) {
      const key = this.#expiries.takeDue(nowMs);
      if (key === undefined) return purged;
      this.#records.delete(key);
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
    head: toBytes(record.head),
    revision: record.revision,
    hasBody: record.body !== undefined,
  };
}

function toText(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString("latin1");
}

function toBytes(text: string): Buffer {
  const bytes = allocateShortLived(text.length);
  bytes.write(text, 0, "latin1");
  return bytes;
}

/** Returns the same bytes in memory of their own, where they pin nothing else. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
