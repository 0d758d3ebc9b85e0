/** The time limit of one cache operation. */
import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "../primitives/timers.js";
import type { CacheCallOptions } from "../vault/contracts.js";
import { CacheUnavailableError } from "../vault/errors.js";

/** The limit of calls that specify none, so that no call waits for ever. */
const DEFAULT_TIMEOUT_MS: number = 2000;
const SHORTEST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 100;

/** Throws {@link CacheUnavailableError} if the caller aborted before the call began. */
export function refuseAborted(options: CacheCallOptions | undefined): void {
  if (options?.signal?.aborted) throw new CacheUnavailableError();
}

/** The moment at which an operation is given up: its time has passed, or its caller has aborted it. */
export class Deadline {
  readonly #endsAtMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(options: CacheCallOptions | undefined) {
    this.#endsAtMs = performance.now() + (options?.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    this.#signal = options?.signal;
  }

  /** The milliseconds that are left; 0 once the operation was aborted. */
  get remainingMs(): number {
    return this.#signal?.aborted ? 0 : Math.max(0, this.#endsAtMs - performance.now());
  }

  /** Whether the time has passed or the caller has aborted. */
  get hasPassed(): boolean {
    return this.remainingMs === 0;
  }

  /**
   * Waits before the next attempt, longer each time. The time is random, because competitors that wait
   * equally long would collide again. Resolves early when the deadline passes.
   *
   * @param attempt - The number of attempts so far: 1 or more.
   */
  async pause(attempt: number): Promise<void> {
    const longest = Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS * 2 ** attempt);
    const pauseMs = Math.min(this.remainingMs, longest * (0.5 + Math.random() / 2));
    await this.#until(pauseMs);
  }

  /** Resolves with the result of `work`, or rejects with `late()` when the deadline passes. */
  async bound<T>(work: Promise<T>, late: () => Error): Promise<T> {
    let giveUp: (() => void) | undefined;
    const gaveUp = new Promise<never>((_, reject) => {
      giveUp = () => reject(late());
    });
    const stop = this.onPassed(() => giveUp?.());
    try {
      return await Promise.race([work, gaveUp]);
    } finally {
      stop();
    }
  }

  /** Calls `giveUp` when the time has passed or the caller aborts. Returns a function that cancels this. */
  onPassed(giveUp: () => void): () => void {
    const signal = this.#signal;
    const timer = setTimeout(giveUp, this.remainingMs);
    signal?.addEventListener("abort", giveUp);
    return () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    };
  }

  #until(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const signal = this.#signal;
      const finish = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, pauseMs);
      if (signal?.aborted) finish();
      else signal?.addEventListener("abort", finish);
    });
  }
}
