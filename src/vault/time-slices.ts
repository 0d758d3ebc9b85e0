/** Divides long work into time slices, so that the event loop turns between them. */
import { performance } from "node:perf_hooks";
import { setImmediate } from "../primitives/timers.js";
import type { MaybePromise } from "./contracts.js";

/** The longest time that work runs without a turn of the event loop, in milliseconds. */
const SLICE_MS = 5;

/**
 * Divides work into slices. Concurrent calls share one slice, so together they block the event loop no
 * longer than a single call.
 */
export class TimeSlices {
  readonly #elapsedMs: () => number;
  /** The end of the current slice; `undefined` if the event loop has turned since the last one. */
  #endsAtMs: number | undefined;
  /** The calls that wait for a slice, oldest first. */
  readonly #waiting: (() => void)[] = [];

  /** @param elapsedMs - Returns milliseconds that never go backwards. */
  constructor(elapsedMs: () => number = () => performance.now()) {
    this.#elapsedMs = elapsedMs;
  }

  /** Returns immediately during the current slice. After its end, returns a promise for a later slice. */
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
      // Let each call work before the next one resumes: together they could exceed the slice.
      await undefined;
    }
  };
}

/** The time slices of this process: all code shares one event loop. */
export const timeSlices: TimeSlices = new TimeSlices();
