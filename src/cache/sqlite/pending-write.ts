/** A change to the database, and whoever waits for it. */
import type { Deadline } from "../deadline.js";

/** A change to the database. */
export interface Write<T> {
  /** Makes the change; may be called again after it was rolled back. */
  readonly apply: () => T;
  /** How many bytes it adds. */
  readonly bytes: number;
  /** One statement is a transaction by itself; more than one need one around them. */
  readonly isSingleStatement: boolean;
  /** Whether it makes room: if there is none, what is kept in reserve is for this. */
  readonly isRemoval: boolean;
}

/** A write in the queue, whatever it gives. */
export interface QueuedWrite {
  readonly deadline: Deadline;
  readonly bytes: number;
  readonly isSingleStatement: boolean;
  readonly isRemoval: boolean;
  apply(): void;
  succeed(): void;
  fail(error: Error): void;
}

interface Settle<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Remembers what a write gave until it is committed. */
export class PendingWrite<T> implements QueuedWrite {
  readonly deadline: Deadline;
  readonly bytes: number;
  readonly isSingleStatement: boolean;
  readonly isRemoval: boolean;
  readonly #apply: () => T;
  readonly #settle: Settle<T>;
  #result: { readonly value: T } | undefined;

  constructor(write: Write<T>, deadline: Deadline, settle: Settle<T>) {
    this.deadline = deadline;
    this.bytes = write.bytes;
    this.isSingleStatement = write.isSingleStatement;
    this.isRemoval = write.isRemoval;
    this.#apply = write.apply;
    this.#settle = settle;
  }

  apply(): void {
    this.#result = { value: this.#apply() };
  }

  succeed(): void {
    if (this.#result !== undefined) this.#settle.resolve(this.#result.value);
  }

  fail(error: Error): void {
    this.#settle.reject(error);
  }
}
