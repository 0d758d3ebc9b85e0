/** Decides when a cache removes due records automatically. */
import { type After, afterUnref } from "../primitives/after.js";
import type { MaybePromise } from "../vault/contracts.js";
import type { CacheClock } from "./cache-clock.js";

/** How long one purge may take, in milliseconds: it blocks the event loop. */
const BUDGET_MS = 5;
/** The shortest time between two timed purges (slices), and before the first one. */
const PAUSE_MS = 60_000;
/** The longest time without a slice: other processes write records that this process does not know. */
const LONGEST_WAIT_MS = 3_600_000;
/** The delay after which a slice that yielded to pending writes is tried again. */
const YIELD_MS = 1000;
/** A purge along with writes follows this many writes, and removes this many records for each. */
const WRITES_PER_PURGE = 16;
const PURGED_PER_WRITE = 2;

/** Whether a cache purges automatically, or only when `purgeExpired` is called. */
export type PurgeMode = "auto" | "manual";

/** @throws TypeError `mode` is not a {@link PurgeMode}. */
export function checkPurgeMode(mode: unknown): asserts mode is PurgeMode {
  if (mode !== "auto" && mode !== "manual") throw new TypeError('purge must be "auto" or "manual"');
}

/** The bounds of one purge. */
export interface PurgeBounds {
  /** Records with purge times up to this one are due. */
  readonly dueMs: number;
  /** The most records to remove; infinite for a slice, which only `budgetMs` bounds. */
  readonly limit: number;
  /** The approximate time that it may take, in milliseconds. */
  readonly budgetMs: number;
}

/** How a cache purges for its {@link PurgeSchedule}. */
export interface PurgeWork {
  /** Whether writes of callers are pending: a slice waits for them. */
  readonly isBusy: boolean;
  /** Removes due records. Returns the earliest purge time that is left, or `undefined` if none is. */
  purge(bounds: PurgeBounds): MaybePromise<number | undefined>;
}

/** The parts of a {@link PurgeSchedule}. */
export interface PurgeScheduleParts {
  readonly work: PurgeWork;
  readonly clock: CacheClock;
  /** Default: a timer that does not keep the process alive. */
  readonly after?: After | undefined;
}

/**
 * Purges in two ways: a few records along with writes, and slices by a timer, for a cache that is no
 * longer written to. No failure reaches a caller; the next slice tries again.
 */
export class PurgeSchedule {
  readonly #work: PurgeWork;
  readonly #clock: CacheClock;
  readonly #after: After;
  /** The earliest known purge time. */
  #nextMs: number;
  /** Writes since the last purge. It starts at the limit, because the first write may be the only one. */
  #writes = WRITES_PER_PURGE;
  /** Whether the last purge failed. Then no purge goes along with writes until a slice succeeds. */
  #isFailing = false;
  #isPurging = false;
  #isPausing = false;
  #isStopped = false;
  #cancel: () => void = () => {};

  /**
   * @param parts - Its parts.
   * @param nextMs - The earliest purge time in the store, `undefined` if the store is empty.
   */
  constructor({ work, clock, after = afterUnref }: PurgeScheduleParts, nextMs: number | undefined) {
    this.#work = work;
    this.#clock = clock;
    this.#after = after;
    this.#nextMs = nextMs ?? Number.POSITIVE_INFINITY;
    this.#pause();
  }

  /** Called after each submitted write; `purgeAtMs` is the purge time that it set, if any. */
  onWrite(purgeAtMs: number = Number.POSITIVE_INFINITY): void {
    if (this.#isStopped) return;
    if (purgeAtMs < this.#nextMs) {
      this.#nextMs = purgeAtMs;
      this.#arm();
    }
    this.#writes += 1;
    const isTime = this.#writes >= WRITES_PER_PURGE && !this.#isPurging;
    if (isTime && !this.#isFailing) this.#purgeAlong();
  }

  /** Prevents further purges. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #purgeAlong(): void {
    const limit = PURGED_PER_WRITE * this.#writes;
    this.#writes = 0;
    const dueMs = this.#dueMs();
    if (dueMs !== undefined && this.#nextMs <= dueMs) void this.#purge(dueMs, limit);
  }

  #pause(): void {
    this.#isPausing = true;
    this.#wait(PAUSE_MS, () => {
      this.#isPausing = false;
      this.#arm();
    });
  }

  /** Sets the timer to the earliest known purge time, unless a pause or a purge is in progress. */
  #arm(): void {
    if (this.#isPausing || this.#isPurging) return;
    const dueMs = this.#dueMs();
    const waitMs = dueMs === undefined ? 0 : this.#nextMs - dueMs;
    const delayMs = Math.min(LONGEST_WAIT_MS, Math.max(0, waitMs));
    this.#wait(delayMs, () => void this.#slice());
  }

  async #slice(): Promise<void> {
    // The purge in progress sets the timer when it ends.
    if (this.#isPurging) return;
    if (this.#work.isBusy) {
      this.#wait(YIELD_MS, () => void this.#slice());
      return;
    }
    this.#isPausing = true;
    const dueMs = this.#dueMs();
    if (dueMs !== undefined) await this.#purge(dueMs, Number.POSITIVE_INFINITY);
    this.#pause();
  }

  async #purge(dueMs: number, limit: number): Promise<void> {
    this.#isPurging = true;
    const knownMs = this.#nextMs;
    // Writes submitted during the purge may set an earlier time.
    this.#nextMs = Number.POSITIVE_INFINITY;
    let leftMs: number | undefined = knownMs;
    try {
      leftMs = await this.#work.purge({ dueMs, limit, budgetMs: BUDGET_MS });
      this.#isFailing = false;
    } catch {
      // The next slice removes the records.
      this.#isFailing = true;
    }
    this.#nextMs = Math.min(this.#nextMs, leftMs ?? Number.POSITIVE_INFINITY);
    this.#isPurging = false;
    this.#arm();
  }

  #wait(delayMs: number, callback: () => void): void {
    this.#cancel();
    if (!this.#isStopped) this.#cancel = this.#after(delayMs, callback);
  }

  /** Returns the time up to which records are due. A failing clock must not fail the submitted write. */
  #dueMs(): number | undefined {
    try {
      const dueMs = this.#clock.dueMs();
      return Number.isFinite(dueMs) ? dueMs : undefined;
    } catch {
      return undefined;
    }
  }
}
