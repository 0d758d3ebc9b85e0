/** Writes on their way into a transaction, and when their callers stop pending. */
import type { CacheCallOptions } from "../../vault/contracts.js";
import { CacheUnavailableError, OutcomeUnknownError } from "../../vault/errors.js";
import { Deadline } from "../deadline.js";
import type { Expiry } from "./expiry-rows.js";

/** One write: what it does within the transaction, what belongs to it, and how it can end. */
export interface Write<Outcome> {
  /** Issues the write; resolves with whether its condition held, if it has one. */
  readonly issue: () => Promise<boolean>;
  /** Put into the index of purge times with the same transaction. */
  readonly expiry?: Expiry | undefined;
  /** How much of the room it takes until it has settled. */
  readonly byteCount: number;
  /** The outcome if the condition held, or there was none. */
  readonly ifHeld: Outcome;
  readonly otherwise: Outcome;
}

interface Settle<Outcome> {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
}

/** A write whose outcome its caller waits for. */
export class PendingWrite<Outcome> {
  readonly write: Write<Outcome>;
  readonly #settle: Settle<Outcome>;
  readonly #stopTimer: () => void;
  #isIssued = false;
  isSettled = false;

  constructor(
    write: Write<Outcome>,
    options: CacheCallOptions | undefined,
    settle: Settle<Outcome>,
  ) {
    this.write = write;
    this.#settle = settle;
    this.#stopTimer = new Deadline(options).onPassed(() => this.#giveUp());
  }

  issue(): Promise<boolean> {
    this.#isIssued = true;
    return this.write.issue();
  }

  resolve(held: boolean): void {
    const { ifHeld, otherwise } = this.write;
    if (this.#end()) this.#settle.resolve(held ? ifHeld : otherwise);
  }

  reject(error: Error): void {
    if (this.#end()) this.#settle.reject(error);
  }

  /** Ends the caller's wait: with an unknown outcome once the write was issued. */
  #giveUp(): void {
    this.reject(this.#isIssued ? new OutcomeUnknownError() : new CacheUnavailableError());
  }

  #end(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.#stopTimer();
    return true;
  }
}

/** What the writer needs to know of a write, whatever its outcomes are. */
export type AnyPendingWrite = Pick<
  PendingWrite<unknown>,
  "isSettled" | "issue" | "resolve" | "reject"
> & { readonly write: Pick<Write<unknown>, "expiry" | "byteCount"> };
