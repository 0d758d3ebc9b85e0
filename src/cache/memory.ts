/**
 * The default cache: in this process's memory, bounded. When it is full it refuses inserts and evicts
 * nothing.
 *
 * @module
 */
import { performance } from "node:perf_hooks";
import type { CacheBackend } from "../vault/contracts.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../vault/options.js";
import {
  InProcessCache,
  type RecordMap,
  type Stopwatch,
  type StoredRecord,
  sizeOf,
} from "./in-process.js";

/** The bounds of a {@link memoryCache}. */
export interface MemoryCacheOptions {
  /** The most records. Default 100,000: with many more, garbage collection pauses the process. */
  readonly maxEntries?: number | undefined;
  /** The most bytes of keys and records together; no limit when absent. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds that never go backwards; `performance.now()` when absent. */
  readonly elapsedMs?: Stopwatch | undefined;
}

const OPTIONS: OptionsTable<WithDefaults<MemoryCacheOptions, "maxEntries" | "maxBytes">> = {
  maxEntries: optional(integerWithin(1, 2 ** 24), 100_000),
  maxBytes: optional(integerWithin(1, Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER),
  elapsedMs: (value) => value as Stopwatch | undefined,
};

/**
 * Returns a cache in this process's memory.
 *
 * When it is full, due records are purged first. If that does not make enough room, an insert fails with
 * `CacheFullError`, and no record is lost.
 *
 * @example
 * ```ts
 * const vault = new HandleVault({ cache: memoryCache({ maxEntries: 10_000 }) });
 * ```
 */
export function memoryCache(options: MemoryCacheOptions = {}): CacheBackend {
  const settings = readOptions(options, OPTIONS, { name: "memoryCache options", prefix: "" });
  const { maxEntries, maxBytes, elapsedMs = () => performance.now() } = settings;
  return new InProcessCache({
    openMap: () => new RefusingMap(maxEntries, maxBytes),
    evicts: false,
    elapsedMs,
  });
}

/** A map that lacks room when it is full, and evicts nothing. */
class RefusingMap implements RecordMap {
  readonly maxBytes: number;
  readonly #maxEntries: number;
  readonly #records = new Map<string, StoredRecord>();
  #bytes = 0;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.maxBytes = maxBytes;
  }

  get size(): number {
    return this.#records.size;
  }

  get(key: string): StoredRecord | undefined {
    return this.#records.get(key);
  }

  peek(key: string): StoredRecord | undefined {
    return this.#records.get(key);
  }

  lacksRoom(byteCount: number, recordCount: number): boolean {
    return (
      this.#records.size + recordCount > this.#maxEntries || this.#bytes + byteCount > this.maxBytes
    );
  }

  set(key: string, record: StoredRecord, previous: StoredRecord | undefined): void {
    if (previous !== undefined) this.#bytes -= sizeOf(key, previous);
    this.#records.set(key, record);
    this.#bytes += sizeOf(key, record);
  }

  delete(key: string): void {
    const record = this.#records.get(key);
    if (record === undefined) return;
    this.#bytes -= sizeOf(key, record);
    this.#records.delete(key);
  }

  wasEvicted(): boolean {
    return false;
  }

  clear(): void {
    this.#records.clear();
    this.#bytes = 0;
  }
}
