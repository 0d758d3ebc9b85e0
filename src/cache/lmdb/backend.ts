/** The cache contract over the databases of one environment. */
import { Buffer } from "node:buffer";
import {
  type CacheBackend,
  type CacheCallOptions,
  type CacheCapabilities,
  type CacheEntry,
  type CachePage,
  type CacheRecord,
  type InsertOptions,
  MAX_INLINE_BYTES,
  type ReplaceOptions,
} from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";
import type { CacheClock } from "../cache-clock.js";
import { refuseAborted } from "../deadline.js";
import { type PurgeMode, PurgeSchedule } from "../purge-schedule.js";
import { filesLost } from "./environment-files.js";
import { reading } from "./failures.js";
import type { FreeSpace } from "./free-space.js";
import type { Write } from "./pending-write.js";
import { Purger } from "./purger.js";
import { decodeKey, encodeHead, encodeKey, firstRevision, isRevision, purgeTime } from "./row.js";
import { BOOLEAN_OUTCOMES, type FoundRecord, removalOf, type Store } from "./store.js";
import { headRow } from "./tables.js";
import { IF_EXISTS } from "./vendor.js";

const SCAN_PAGE = 250;
/** Appended to a key, this gives the next possible key in the order of keys. */
const SUCCESSOR: Buffer = Buffer.of(0);

/** The parts of an {@link LmdbCache}. */
export interface LmdbCacheParts {
  readonly store: Store;
  readonly clock: CacheClock;
  readonly purge: PurgeMode;
  /** Releases the environment. Called after all writes have settled. */
  readonly release: () => Promise<void>;
}

export class LmdbCache implements CacheBackend {
  readonly shared = true;
  readonly outlivesProcess = true;
  readonly maxInlineBytes: number = MAX_INLINE_BYTES;
  readonly #parts: LmdbCacheParts;
  readonly #purger: Purger;
  readonly #schedule: PurgeSchedule | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: LmdbCacheParts) {
    this.#parts = parts;
    const { store, clock, purge } = parts;
    const work = new Purger(store);
    this.#purger = work;
    if (purge === "auto") this.#schedule = new PurgeSchedule({ work, clock }, work.earliestMs);
  }

  async ready(): Promise<CacheCapabilities> {
    const { gate, durability } = this.#store(undefined);
    await gate.ready();
    return { durability, evicts: false };
  }

  insert(key: string, record: CacheRecord, options: InsertOptions): Promise<"inserted" | "exists"> {
    const { tables, freeSpace } = this.#store(options);
    const keyBytes = encodeKey(key);
    const { head, body } = record;
    const byteCount = keyBytes.length + head.length + (body?.length ?? 0);
    this.#checkGrowth(freeSpace, byteCount);
    const purgeAtMs = purgeTime(this.#parts.clock.now(), options.purgeAfterMs);
    const row = encodeHead(record.head, { purgeAtMs, hasBody: body !== undefined });
    const { heads, bodies } = tables;
    const issue =
      body === undefined
        ? () => heads.put(keyBytes, row, firstRevision(), null)
        : () =>
            heads.ifNoExists(keyBytes, () => {
              void heads.put(keyBytes, row, firstRevision());
              void bodies.put(keyBytes, body);
            });
    const expiry = { key: keyBytes, purgeAtMs };
    const outcomes = { ifHeld: "inserted", otherwise: "exists" } as const;
    return this.#add<"inserted" | "exists">({ issue, expiry, byteCount, ...outcomes }, options);
  }

  get(key: string, options?: CacheCallOptions): CacheEntry | undefined {
    const { tables } = this.#readable(options);
    const keyBytes = encodeKey(key);
    return reading(() => tables.head(keyBytes));
  }

  getBody(key: string, options?: CacheCallOptions): Buffer | undefined {
    const { tables } = this.#readable(options);
    const keyBytes = encodeKey(key);
    return reading(() => tables.body(keyBytes));
  }

  replace(
    key: string,
    head: Uint8Array | undefined,
    options: ReplaceOptions,
  ): Promise<"replaced" | "conflict" | "absent"> | "conflict" | "absent" {
    const { tables } = this.#readable(options);
    const keyBytes = encodeKey(key);
    const row = reading(() => tables.head(keyBytes));
    if (row === undefined) return "absent";
    // Revisions are never reused: one that is not current now will never be.
    if (!isRevision(options.ifRevision) || row.revision !== options.ifRevision) return "conflict";
    const replaced =
      head === undefined
        ? this.#remove({ key: keyBytes, row }, options)
        : this.#rewrite({ key: keyBytes, row }, head, options);
    return replaced.then((held) => {
      if (held) return "replaced";
      return reading(() => tables.head(keyBytes)) === undefined ? "absent" : "conflict";
    });
  }

  async delete(key: string, options?: CacheCallOptions): Promise<boolean> {
    const { tables, freeSpace } = this.#readable(options);
    const keyBytes = encodeKey(key);
    if (reading(() => tables.head(keyBytes)) === undefined) return false;
    freeSpace.checkShrinking();
    const issue = async () => {
      const removing = tables.heads.remove(keyBytes, IF_EXISTS);
      // The record may have changed since, so its body is removed unconditionally.
      const [existed] = await Promise.all([removing, tables.bodies.remove(keyBytes)]);
      return existed;
    };
    return this.#add({ issue, byteCount: 0, ...BOOLEAN_OUTCOMES }, options);
  }

  async purgeExpired(limit: number, options?: CacheCallOptions): Promise<number> {
    this.#store(options);
    const dueMs = this.#parts.clock.dueMs();
    return dueMs === undefined ? 0 : this.#purger.purgeExpired({ dueMs, limit }, options);
  }

  scan(cursor?: string, options?: CacheCallOptions): CachePage {
    const { tables } = this.#readable(options);
    const after = cursor === undefined ? undefined : Buffer.from(cursor, "base64url");
    const start = after === undefined ? SUCCESSOR : Buffer.concat([after, SUCCESSOR]);
    return reading(() => {
      const range = { start, limit: SCAN_PAGE, versions: true };
      const rows = tables.read(() => [...tables.heads.getRange(range)]);
      const entries = rows.map((row) => {
        const { head, revision } = headRow(row);
        return { key: decodeKey(row.key), head, revision };
      });
      const last = rows.length < SCAN_PAGE ? undefined : rows.at(-1);
      return last === undefined ? { entries } : { entries, cursor: last.key.toString("base64url") };
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#schedule?.stop();
    // A purge writes once more after its removals.
    await this.#purger.stop();
    await this.#parts.store.writes.settled();
    await this.#parts.release();
  }

  /** Returns the store. Throws if this cache is closed or its caller has aborted. */
  #store(options: CacheCallOptions | undefined): Store {
    if (this.#closing !== undefined) throw new CacheUnavailableError();
    refuseAborted(options);
    return this.#parts.store;
  }

  /**
   * Returns the store for reading. Throws also if the files were lost: other processes may have revoked
   * their records in the new files.
   */
  #readable(options: CacheCallOptions | undefined): Store {
    const store = this.#store(options);
    if (!store.files.isIntact) throw new CacheUnavailableError({ cause: filesLost() });
    return store;
  }

  /** Throws if there is too little space, and then lets the schedule purge due records. */
  #checkGrowth(freeSpace: FreeSpace, byteCount: number): void {
    try {
      freeSpace.checkGrowth(byteCount);
    } catch (error) {
      this.#schedule?.onWrite();
      throw error;
    }
  }

  #rewrite({ key, row }: FoundRecord, head: Uint8Array, options: ReplaceOptions): Promise<boolean> {
    const { tables, freeSpace } = this.#parts.store;
    const { heads, bodies } = tables;
    const isGrowing = head.length > row.head.length;
    if (isGrowing) this.#checkGrowth(freeSpace, head.length);
    else freeSpace.checkShrinking();
    const { purgeAfterMs, dropBody = false } = options;
    const purgeAtMs =
      purgeAfterMs === undefined ? row.purgeAtMs : purgeTime(this.#parts.clock.now(), purgeAfterMs);
    const keepsBody = row.hasBody && !dropBody;
    const next = encodeHead(head, { purgeAtMs, hasBody: keepsBody });
    const issue =
      keepsBody === row.hasBody
        ? () => heads.put(key, next, row.revision + 1, row.revision)
        : () =>
            heads.ifVersion(key, row.revision, () => {
              void heads.put(key, next, row.revision + 1);
              void bodies.remove(key);
            });
    const expiry = purgeAtMs === row.purgeAtMs ? undefined : { key, purgeAtMs };
    return this.#add(
      { issue, expiry, byteCount: isGrowing ? head.length : 0, ...BOOLEAN_OUTCOMES },
      options,
    );
  }

  #remove(found: FoundRecord, options: CacheCallOptions | undefined): Promise<boolean> {
    const { tables, freeSpace } = this.#parts.store;
    freeSpace.checkShrinking();
    return this.#add(removalOf(tables, found), options);
  }

  /** Adds a write to the queue, and lets the schedule purge along with it. */
  #add<Outcome>(write: Write<Outcome>, options: CacheCallOptions | undefined): Promise<Outcome> {
    const added = this.#parts.store.writes.add(write, options);
    this.#schedule?.onWrite(write.expiry?.purgeAtMs);
    return added;
  }
}
