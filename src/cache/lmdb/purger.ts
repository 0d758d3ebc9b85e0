/** Removes due records: on request, and when the purge schedule asks for it. */
import { performance } from "node:perf_hooks";
import { nextTurn } from "../../primitives/timers.js";
import type { CacheCallOptions } from "../../vault/contracts.js";
import { Deadline } from "../deadline.js";
import type { PurgeBounds, PurgeWork } from "../purge-schedule.js";
import { earliestPurgeTime, findDue, nameOf, type PurgeStep, tidy } from "./expiry.js";
import { reading } from "./failures.js";
import { BOOLEAN_OUTCOMES, removalOf, type Store } from "./store.js";

/** The most records that one transaction of a purge removes. */
const REMOVED_AT_ONCE = 128;
/** The same for a slice: finding and removing them blocks the event loop for about a millisecond. */
const SLICED_AT_ONCE = 32;
/** The part of a slice's time budget after which it begins no further transaction. */
const BEGINNING_PART = 0.5;

/** The time up to which records are due, and the most records to remove. */
interface PurgeRequest {
  readonly dueMs: number;
  readonly limit: number;
}

/** A step, and the names of those of its records that were not removed. */
interface PurgedStep {
  readonly step: PurgeStep;
  readonly kept: ReadonlySet<string>;
}

export class Purger implements PurgeWork {
  readonly #store: Store;
  readonly #requested = new Set<Promise<number>>();
  #isStopped = false;

  constructor(store: Store) {
    this.#store = store;
  }

  get isBusy(): boolean {
    return this.#store.writes.isBusy;
  }

  /** The earliest purge time in the index, `undefined` if it is empty, -Infinity if it cannot be read. */
  get earliestMs(): number | undefined {
    try {
      return earliestPurgeTime(this.#store.tables);
    } catch {
      return Number.NEGATIVE_INFINITY;
    }
  }

  /** Removes due records for a caller. Resolves with their number. */
  async purgeExpired(request: PurgeRequest, options?: CacheCallOptions): Promise<number> {
    const purge = this.#purgeAll(request, options);
    this.#requested.add(purge);
    try {
      return await purge;
    } finally {
      this.#requested.delete(purge);
    }
  }

  /** Removes due records for the schedule: `limit` of them along with writes, or a slice. */
  async purge(bounds: PurgeBounds): Promise<number | undefined> {
    if (bounds.limit === Number.POSITIVE_INFINITY) await this.#slice(bounds);
    else await this.#purgeAlong(bounds);
    return this.#isStopped ? undefined : this.earliestMs;
  }

  /** Prevents further transactions. Resolves once the requested purges have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.allSettled(this.#requested);
  }

  /** Ignores the time budget: otherwise purging would fall behind the writes that it goes along with. */
  async #purgeAlong({ dueMs, limit }: PurgeBounds): Promise<void> {
    let left = limit;
    while (left > 0 && !this.#isStopped) {
      const step = this.#find(dueMs, Math.min(left, REMOVED_AT_ONCE));
      if (step.rows.length === 0) return;
      await this.#removeUnlessStopped(step);
      left -= Math.max(1, step.due.length);
    }
  }

  /** Removes due records in short transactions, as long as no writes of callers are pending. */
  async #slice({ dueMs, budgetMs }: PurgeBounds): Promise<void> {
    const endsAtMs = performance.now() + BEGINNING_PART * budgetMs;
    do {
      const step = this.#find(dueMs, SLICED_AT_ONCE);
      if (step.rows.length === 0) return;
      await this.#removeUnlessStopped(step);
      await nextTurn();
    } while (performance.now() < endsAtMs && !this.isBusy && !this.#isStopped);
  }

  async #purgeAll({ dueMs, limit }: PurgeRequest, options?: CacheCallOptions): Promise<number> {
    const deadline = new Deadline(options);
    const halfTimeMs = deadline.remainingMs / 2;
    let purged = 0;
    // Ending early is no failure: the number of records that were removed is the result.
    const hasTime = () => !this.#isStopped && deadline.remainingMs > halfTimeMs;
    while (purged < limit && hasTime()) {
      const step = this.#find(dueMs, Math.min(limit - purged, REMOVED_AT_ONCE));
      if (step.rows.length === 0) break;
      const kept = await this.#remove(step, options);
      await this.#tidy({ step, kept }, options);
      purged += step.due.length - kept.size;
    }
    return purged;
  }

  #find(dueMs: number, limit: number): PurgeStep {
    return reading(() => findDue(this.#store.tables, dueMs, limit));
  }

  /** Removes records. If the cache is closing, the next purge updates the index. */
  async #removeUnlessStopped(step: PurgeStep): Promise<void> {
    const kept = await this.#remove(step);
    if (!this.#isStopped) await this.#tidy({ step, kept });
  }

  /**
   * Removes the records of a step unless they were changed since. Resolves with the names of those that
   * were changed.
   */
  async #remove(step: PurgeStep, options?: CacheCallOptions): Promise<ReadonlySet<string>> {
    const { tables, writes, freeSpace } = this.#store;
    freeSpace.checkShrinking();
    const removals = step.due.map((found) => writes.add(removalOf(tables, found), options));
    const removed = await Promise.all(removals);
    const kept = step.due.filter((_, index) => removed[index] === false);
    return new Set(kept.map(({ key }) => nameOf(key)));
  }

  async #tidy({ step, kept }: PurgedStep, options?: CacheCallOptions): Promise<void> {
    const { tables, writes } = this.#store;
    await writes.add(
      { issue: () => tidy(tables, step, kept), byteCount: 0, ...BOOLEAN_OUTCOMES },
      options,
    );
  }
}
