import type { Clock } from "handlevault";

/** A clock that moves only by explicit calls. */
export class ManualClock implements Clock {
  #nowMs = Date.now();

  now(): number {
    return this.#nowMs;
  }

  advance(milliseconds: number): void {
    this.#nowMs += milliseconds;
  }
}
