/** Helpers for tests of the event loop. */
import { clearImmediate, setImmediate } from "node:timers";

/** Counts the turns of the event loop, and measures the longest time without one. */
export class LoopTurns {
  readonly #elapsedMs: () => number;
  #count = 0;
  #longestMs = 0;
  #latestMs: number;
  #immediate: NodeJS.Immediate;

  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
    this.#latestMs = elapsedMs();
    this.#immediate = setImmediate(this.#turn);
  }

  stop(): { readonly count: number; readonly longestMs: number } {
    clearImmediate(this.#immediate);
    this.#measure();
    return { count: this.#count, longestMs: this.#longestMs };
  }

  readonly #turn = (): void => {
    this.#count += 1;
    this.#measure();
    this.#immediate = setImmediate(this.#turn);
  };

  #measure(): void {
    const nowMs = this.#elapsedMs();
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#latestMs);
    this.#latestMs = nowMs;
  }
}
