/** Removes due records: on request, and when the purge schedule asks for it. */
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
/** The most pages returned to the file system after each such transaction. */
const VACUUM_PAGES = 256;
/** After this many inserts the index of purge times is updated, so that no purge has much to index. */
const INSERTS_PER_STEP = 500;
/** The part of a purge's time budget for changes; the rest is for their commit. */
const CHANGES_PART = 0.5;
/** How many pages a slice returns at once, and how many stay free for the next records. */
const SLICE_PAGES = 16;
const SPARE_PAGES = 256;
/** `PRAGMA auto_vacuum` */
const INCREMENTAL = 2;

/** The parts of a {@link Purger}. */
export interface PurgerParts {
  readonly connection: SqliteConnection;
  readonly writes: WriteQueue;
  readonly clock: CacheClock;
}

/** Purges in transactions of the cache's write queue. */
export class Purger implements PurgeWork {
  readonly #connection: SqliteConnection;
  readonly #writes: WriteQueue;
  readonly #clock: CacheClock;
  readonly #index: ExpiryIndex;
  /** Whether the file was created with incremental vacuum, so that pages can be returned. */
  readonly #canShrink: boolean;
  #insertsSinceStep = 0;
  /** The earliest known purge time that may not be indexed yet. */
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

  /** The earliest known purge time, `undefined` if there is none. */
  get nextMs(): number | undefined {
    const earliestMs = this.#index.earliestMs ?? Number.POSITIVE_INFINITY;
    const nextMs = Math.min(earliestMs, this.#unindexedMs);
    return nextMs === Number.POSITIVE_INFINITY ? undefined : nextMs;
  }

  /** Called for each insert. Updates the index after every {@link INSERTS_PER_STEP} of them. */
  onInsert(purgeAtMs: number): void {
    this.#unindexedMs = Math.min(this.#unindexedMs, purgeAtMs);
    this.#insertsSinceStep += 1;
    if (this.#insertsSinceStep >= INSERTS_PER_STEP) void this.#catchUp();
  }

  /** Purges for the schedule, in one transaction. Resolves with the earliest purge time that is left. */
  purge(bounds: PurgeBounds): MaybePromise<number | undefined> {
    const apply = () => (this.#isStopped ? undefined : this.#sweep(bounds));
    return this.#writes.submit(removal(apply, "transaction"), undefined);
  }

  /** Turns purges of the schedule into no-ops, so that closing does not wait for them. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Removes at most `limit` due records and returns their pages. Resolves with the number of records. */
  async purgeExpired(limit: number, options: CacheCallOptions | undefined): Promise<number> {
    const deadline = new Deadline(options);
    // All steps share the time limit of the call.
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
      // Earlier transactions are committed: report their records.
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

  /** Indexes the next records. Resolves with whether there may be more. */
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
      // The next purge indexes these records.
    }
  }

  /** Returns free pages to the file system, if the file allows it. */
  async #vacuum(options: CacheCallOptions): Promise<void> {
    const apply = () => this.#shrink(VACUUM_PAGES);
    try {
      await this.#writes.submit(removal(apply), options);
    } catch {
      // The next purge returns them.
    }
  }

  #stepOnce(): boolean {
    const isBehind = this.#index.step();
    if (!isBehind) this.#unindexedMs = Number.POSITIVE_INFINITY;
    return isBehind;
  }

  /** Removes records one at a time until the time is used up, because bodies can be large. */
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
