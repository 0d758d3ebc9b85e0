/** Removes the records of a cache that are due: on request, and as its schedule asks for it. */
import { performance } from "node:perf_hooks";
import type { CacheCallOptions, MaybePromise } from "../../vault/contracts.js";
import type { CacheClock } from "../cache-clock.js";
import { Deadline } from "../deadline.js";
import type { PurgeBounds, PurgeWork } from "../purge-schedule.js";
import { ExpiryIndex } from "./expiry.js";
import type { Write } from "./pending-write.js";
import { queryValue, type SqliteConnection } from "./vendor.js";
import type { WriteQueue } from "./write-queue.js";

/** The most records that one transaction of a purge on request removes. */
const PURGE_BATCH = 250;
/** The most pages that it gives back to the file system after each. */
const VACUUM_PAGES = 256;
/** After how many inserts the index of purge times catches up, so that no purge has much to do. */
const INSERTS_PER_STEP = 500;
/** The part of a purge's time that is for the changes; the rest is for their commit. */
const CHANGES_PART = 0.5;
/** How many pages a slice gives back at once, and how many stay free for the next records. */
const SLICE_PAGES = 16;
const SPARE_PAGES = 256;
/** `PRAGMA auto_vacuum` */
const INCREMENTAL = 2;

/** What a {@link Purger} works with. */
export interface PurgerParts {
  readonly connection: SqliteConnection;
  readonly writes: WriteQueue;
  readonly clock: CacheClock;
}

/** Purges in transactions of the cache's queue. */
export class Purger implements PurgeWork {
  readonly #connection: SqliteConnection;
  readonly #writes: WriteQueue;
  readonly #clock: CacheClock;
  readonly #index: ExpiryIndex;
  /** Whether the file was made to give pages back. */
  readonly #canShrink: boolean;
  #insertsSinceStep = 0;
  /** The earliest purge time that may not be indexed yet, of the records that are known. */
  #unindexedMs: number;
  #isStopped = false;

  constructor({ connection, writes, clock }: PurgerParts) {
    this.#connection = connection;
    this.#writes = writes;
    this.#clock = clock;
    this.#index = new ExpiryIndex(connection);
    this.#canShrink = queryValue(connection, "PRAGMA main.auto_vacuum") === INCREMENTAL;
    this.#unindexedMs = this.#index.isBehind ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  get isBusy(): boolean {
    return this.#writes.isBusy;
  }

  /** The earliest purge time that is known, `undefined` if there is none. */
  get nextMs(): number | undefined {
    const earliestMs = this.#index.earliestMs ?? Number.POSITIVE_INFINITY;
    const nextMs = Math.min(earliestMs, this.#unindexedMs);
    return nextMs === Number.POSITIVE_INFINITY ? undefined : nextMs;
  }

  /** Follows an insert: after some of them the index catches up. */
  onInsert(purgeAtMs: number): void {
    this.#unindexedMs = Math.min(this.#unindexedMs, purgeAtMs);
    this.#insertsSinceStep += 1;
    if (this.#insertsSinceStep >= INSERTS_PER_STEP) void this.#catchUp();
  }

  /** Purges for the schedule, in one transaction. */
  purge(bounds: PurgeBounds): MaybePromise<number | undefined> {
    const apply = () => (this.#isStopped ? undefined : this.#sweep(bounds));
    return this.#writes.submit(removal(apply, "transaction"), undefined);
  }

  /** Lets what the schedule asked for come to nothing, so that closing does not wait for it. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Removes at most `limit` records that are due, and gives the pages back; returns how many. */
  async purgeExpired(limit: number, options: CacheCallOptions | undefined): Promise<number> {
    const deadline = new Deadline(options);
    // The steps share the time of the whole.
    const rest = () => ({ timeoutMs: deadline.remainingMs, signal: options?.signal });
    let purged = 0;
    try {
      let isBehind = this.#clock.dueMs() !== undefined;
      while (isBehind && !deadline.hasPassed) isBehind = await this.#step("purge", rest());
      while (purged < limit && !deadline.hasPassed) {
        const batch = Math.min(PURGE_BATCH, limit - purged);
        const removed = await this.#purgeBatch(batch, rest());
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

  async #purgeBatch(limit: number, options: CacheCallOptions): Promise<number> {
    const dueMs = this.#clock.dueMs();
    if (dueMs === undefined) return 0;
    return this.#writes.submit(
      removal(() => this.#index.purge(dueMs, limit)),
      options,
    );
  }

  /** Lets the index catch up by one step; tells whether there may be more to do. */
  #step(before: "insert" | "purge", options?: CacheCallOptions): MaybePromise<boolean> {
    this.#insertsSinceStep = 0;
    const apply = () => this.#stepOnce();
    const isRemoval = before === "purge";
    return this.#writes.submit({ apply, bytes: 0, isSingleStatement: false, isRemoval }, options);
  }

  async #catchUp(): Promise<void> {
    try {
      await this.#step("insert");
    } catch {
      // What fails here is done by the next purge.
    }
  }

  /** Gives pages back to the file system, where the file was made for that. */
  async #vacuum(options: CacheCallOptions): Promise<void> {
    const apply = () => this.#shrink(VACUUM_PAGES);
    try {
      await this.#writes.submit(removal(apply), options);
    } catch {
      // The next purge gives back more.
    }
  }

  #stepOnce(): boolean {
    const isBehind = this.#index.step();
    if (!isBehind) this.#unindexedMs = Number.POSITIVE_INFINITY;
    return isBehind;
  }

  /** Removes records one by one until the time is over: bodies can be large. */
  #sweep({ dueMs, limit, budgetMs }: PurgeBounds): number | undefined {
    const endsAtMs = performance.now() + CHANGES_PART * budgetMs;
    const hasTime = () => performance.now() < endsAtMs;
    const isSlice = limit === Number.POSITIVE_INFINITY;
    let isBehind = isSlice || this.#unindexedMs <= dueMs;
    while (isBehind && hasTime()) isBehind = this.#stepOnce();
    let removed = 0;
    while (removed < limit && hasTime() && this.#index.purge(dueMs, 1) > 0) removed += 1;
    while (isSlice && hasTime() && this.#hasSparePages) this.#shrink(SLICE_PAGES);
    return isBehind || this.#hasSparePages ? dueMs : this.nextMs;
  }

  get #hasSparePages(): boolean {
    return this.#canShrink && this.#freePages > SPARE_PAGES;
  }

  get #freePages(): number {
    return Number(queryValue(this.#connection, "PRAGMA main.freelist_count"));
  }

  #shrink(pages: number): void {
    this.#connection.exec(`PRAGMA main.incremental_vacuum(${pages})`);
  }
}

function removal<T>(apply: () => T, extent: "statement" | "transaction" = "statement"): Write<T> {
  return { apply, bytes: 0, isSingleStatement: extent === "statement", isRemoval: true };
}
