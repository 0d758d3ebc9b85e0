/** One timer for all pending operations: a timer for each would cost more than the operation. */
import { clearInterval, setInterval } from "../../primitives/timers.js";
import type { Deadline } from "../deadline.js";

const TICK_MS = 10;

/** An operation with a deadline. */
export interface Expirable {
  readonly deadline: Deadline;
  giveUp(): void;
}

/** Gives up operations whose deadline has passed, or whose caller has aborted. */
export class DeadlineTimer {
  readonly #watched = new Set<Expirable>();
  #timer: NodeJS.Timeout | undefined;

  add(operation: Expirable): void {
    this.#watched.add(operation);
    this.#timer ??= setInterval(this.#tick, TICK_MS);
  }

  delete(operation: Expirable): void {
    this.#watched.delete(operation);
  }

  readonly #tick = (): void => {
    for (const operation of this.#watched) {
      if (operation.deadline.hasPassed) operation.giveUp();
    }
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}
