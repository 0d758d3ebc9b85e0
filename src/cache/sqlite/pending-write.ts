/** A change to the database, and the promise of its caller. */
import type { Deadline } from "../deadline.js";

/** A change to the database. */
export interface Write<T> {
  /** Applies the change. It is called again if the transaction was rolled back. */
  readonly apply: () => T;
  /** The number of bytes that it adds. */
  readonly bytes: number;
  /** A single statement is its own transaction; several statements need an explicit one. */
  readonly isSingleStatement: boolean;
  /** Whether it frees space: if the disk is full, the reserve is released for such a write. */
  readonly isRemoval: boolean;
}

/** A write in the queue, without the type of its result. */
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

/** Holds the result of a write until the write is committed. */
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
