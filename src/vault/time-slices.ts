/** Long work in parts, so that the event loop turns between them. */
import { performance } from "node:perf_hooks";
import { setImmediate } from "../primitives/timers.js";
import type { MaybePromise } from "./contracts.js";

/** How long work goes on without a turn of the event loop, in milliseconds. */
const SLICE_MS = 5;

/**
 * Divides work into slices. All calls that work at the same moment share a slice, so that many of them
 * together hold the event loop no longer than one.
 */
export class TimeSlices {
  readonly #elapsedMs: () => number;
  /** `undefined` when the event loop has turned since the last slice. */
  #endsAtMs: number | undefined;
  /** The calls that wait for a slice, in their order. */
  readonly #waiting: (() => void)[] = [];

  /** @param elapsedMs - Returns milliseconds that never go backwards. */
  constructor(elapsedMs: () => number = () => performance.now()) {
    this.#elapsedMs = elapsedMs;
  }

  /** Returns at once while the slice lasts; afterwards, resolves in a later slice. */
  next(): MaybePromise<void> {
    if (!this.#isOver()) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #isOver(): boolean {
    const nowMs = this.#elapsedMs();
    if (this.#endsAtMs === undefined) {
      this.#endsAtMs = nowMs + SLICE_MS;
      setImmediate(this.#turn);
    }
    return nowMs >= this.#endsAtMs;
  }

  readonly #turn = async (): Promise<void> => {
    this.#endsAtMs = undefined;
    while (this.#waiting.length > 0 && !this.#isOver()) {
      this.#waiting.shift()?.();
      // One call works before the next is let go: together they might take many slices.
      await undefined;
    }
  };
}

/** The slices of this process, which has one event loop. */
export const timeSlices: TimeSlices = new TimeSlices();
