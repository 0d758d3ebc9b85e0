/**
 * A cache in this process's memory that evicts the least recently used record when it is full.
 *
 * @module
 */

import { performance } from "node:perf_hooks";
import type { LRUCache } from "lru-cache";
import { loadPeer } from "../load-peer.js";
import { setBounded } from "../primitives/bounded-map.js";
import type { CacheBackend } from "../vault/contracts.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  required,
  type WithDefaults,
} from "../vault/options.js";
import {
  InProcessCache,
  type RecordMap,
  type Stopwatch,
  type StoredRecord,
  sizeOf,
} from "./in-process.js";

/** The bounds of an {@link lruCache}. */
export interface LruCacheOptions {
  /** The most records. */
  readonly maxEntries: number;
  /** The most bytes of keys and records together; no limit when absent. */
  readonly maxBytes?: number | undefined;
  /**
   * How many evicted handles to remember until they would have been purged. A remembered handle is
   * refused with `HandleEvictedError` rather than "not found". Default: `maxEntries`.
   */
  readonly maxTombstones?: number | undefined;
  /** Called after every eviction, with the number of evictions so far. Must not throw. */
  readonly onEvict?: ((evictions: number) => void) | undefined;
  /** Milliseconds that never go backwards; `performance.now()` when absent. */
  readonly elapsedMs?: Stopwatch | undefined;
}

const OPTIONS: OptionsTable<WithDefaults<LruCacheOptions>> = {
  maxEntries: required(integerWithin(1, 2 ** 24)),
  maxBytes: optional(integerWithin(1, Number.MAX_SAFE_INTEGER)),
  maxTombstones: optional(integerWithin(0, 2 ** 24)),
  onEvict: (value) => value as LruCacheOptions["onEvict"],
  elapsedMs: (value) => value as Stopwatch | undefined,
};

/**
 * Returns a cache that evicts. An evicted payload is lost: use `memoryCache` unless every payload can be
 * sealed again. Needs the package `lru-cache`.
 *
 * @example
 * ```ts
 * const cache = lruCache({ maxEntries: 1000, onEvict: (count) => metrics.gauge("evicted", count) });
 * const vault = new HandleVault({ cache });
 * ```
 */
export function lruCache(options: LruCacheOptions): CacheBackend {
  const settings = readOptions(options, OPTIONS, { name: "lruCache options", prefix: "" });
  const { maxTombstones = settings.maxEntries, elapsedMs = () => performance.now() } = settings;
  return new InProcessCache({
    openMap: async (release) => {
      const peer = await loadPeer("lru-cache", () => import("lru-cache"));
      return new EvictingMap(peer.LRUCache, { ...settings, maxTombstones, elapsedMs, release });
    },
    evicts: true,
    elapsedMs,
  });
}

interface EvictingMapOptions extends LruCacheOptions {
  readonly maxTombstones: number;
  readonly elapsedMs: Stopwatch;
  readonly release: (record: StoredRecord) => number;
}

/** Evicts records when it is full, and remembers the keys of evicted records for a while. */
class EvictingMap implements RecordMap {
  /** The size of the largest record. lru-cache would silently drop a larger one, and its old value. */
  readonly maxBytes: number;
  readonly #records: LRUCache<string, StoredRecord>;
  /** The purge time of each evicted record, in the order of eviction. */
  readonly #tombstones = new Map<string, number>();
  readonly #options: EvictingMapOptions;
  #evictions = 0;

  constructor(Lru: typeof LRUCache, options: EvictingMapOptions) {
    this.#options = options;
    const { maxEntries, maxBytes } = options;
    this.maxBytes = maxBytes ?? Number.POSITIVE_INFINITY;
    this.#records = new Lru({
      max: maxEntries,
      ...(maxBytes === undefined
        ? {}
        : {
            maxSize: maxBytes,
            sizeCalculation: (record: StoredRecord, key: string) =>
              Math.max(1, sizeOf(key, record)),
          }),
      dispose: (record, key, reason) => {
        if (reason === "evict") this.#rememberEviction(key, record);
      },
    });
  }

  get size(): number {
    return this.#records.size;
  }

  get(key: string): StoredRecord | undefined {
    return this.#records.get(key);
  }

  peek(key: string): StoredRecord | undefined {
    return this.#records.peek(key);
  }

  lacksRoom(): boolean {
    return false;
  }

  set(key: string, record: StoredRecord): void {
    this.#tombstones.delete(key);
    this.#records.set(key, record);
  }

  delete(key: string): void {
    this.#tombstones.delete(key);
    this.#records.delete(key);
  }

  wasEvicted(key: string): boolean {
    const untilMs = this.#tombstones.get(key);
    if (untilMs === undefined) return false;
    if (this.#options.elapsedMs() < untilMs) return true;
    this.#tombstones.delete(key);
    return false;
  }

  clear(): void {
    this.#records.clear();
    this.#tombstones.clear();
  }

  #rememberEviction(key: string, record: StoredRecord): void {
    this.#evictions += 1;
    const purgeAtMs = this.#options.release(record);
    setBounded(this.#tombstones, key, purgeAtMs, this.#options.maxTombstones);
    this.#options.onEvict?.(this.#evictions);
  }
}
