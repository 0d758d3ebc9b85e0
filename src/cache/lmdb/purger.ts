/** Removes the records of a cache that are due: on request, and when its schedule asks for it. */
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
/** The same for a slice: finding and removing them holds the event loop for about a millisecond. */
const SLICED_AT_ONCE = 32;
/** The part of a slice's time after which it begins no further transaction. */
const BEGINNING_PART = 0.5;

/** The time up to which records are due, and the most to remove. */
interface PurgeRequest {
  readonly dueMs: number;
  readonly limit: number;
}

/** A step, and the names of those of its records that were kept. */
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

  /** The earliest purge time in the index, `undefined` if it is empty. Long ago if it is unknown. */
  get earliestMs(): number | undefined {
    try {
      return earliestPurgeTime(this.#store.tables);
    } catch {
      return Number.NEGATIVE_INFINITY;
    }
  }

  /** Removes what is due for a caller; resolves with how many records that were. */
  async purgeExpired(request: PurgeRequest, options?: CacheCallOptions): Promise<number> {
    const purge = this.#purgeAll(request, options);
    this.#requested.add(purge);
    try {
      return await purge;
    } finally {
      this.#requested.delete(purge);
    }
  }

  /** Removes what is due for the schedule: all of `limit` along with writes, or a slice. */
  async purge(bounds: PurgeBounds): Promise<number | undefined> {
    if (bounds.limit === Number.POSITIVE_INFINITY) await this.#slice(bounds);
    else await this.#purgeAlong(bounds);
    return this.#isStopped ? undefined : this.earliestMs;
  }

  /** Begins nothing further; resolves once the purges that were requested have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.allSettled(this.#requested);
  }

  /** Without regard to time: it would fall behind the writes that it goes along with. */
  async #purgeAlong({ dueMs, limit }: PurgeBounds): Promise<void> {
    let left = limit;
    while (left > 0 && !this.#isStopped) {
      const step = this.#find(dueMs, Math.min(left, REMOVED_AT_ONCE));
      if (step.rows.length === 0) return;
      await this.#removeUnlessStopped(step);
      left -= Math.max(1, step.due.length);
    }
  }

  /** Lets the writes of callers go first. */
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

  /** Leaves the index as it is when the cache is closing: the next purge tidies it. */
  async #removeUnlessStopped(step: PurgeStep): Promise<void> {
    const kept = await this.#remove(step);
    if (!this.#isStopped) await this.#tidy({ step, kept });
  }

  /**
   * Removes what a step has found, each in the state in which it was found; resolves with the names of
   * the records that were changed before.
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
