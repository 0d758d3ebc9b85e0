import type { Clock } from "handlevault";

/** A clock that moves only when it is told to. */
export class ManualClock implements Clock {
  #nowMs = Date.now();

  now(): number {
    return this.#nowMs;
  }

  advance(milliseconds: number): void {
    this.#nowMs += milliseconds;
  }
}
