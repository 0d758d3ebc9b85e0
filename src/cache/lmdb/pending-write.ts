/** Writes that wait for their transaction, and the promises of their callers. */
import type { CacheCallOptions } from "../../vault/contracts.js";
import { CacheUnavailableError, OutcomeUnknownError } from "../../vault/errors.js";
import { Deadline } from "../deadline.js";
import type { Expiry } from "./expiry-rows.js";

/** One write and its two possible outcomes. */
export interface Write<Outcome> {
  /** Issues the write. Resolves with whether its condition held; true if it has none. */
  readonly issue: () => Promise<boolean>;
  /** Added to the index of purge times in the same transaction. */
  readonly expiry?: Expiry | undefined;
  /** The bytes of free space that it reserves until it is settled. */
  readonly byteCount: number;
  /** The outcome if the condition held, or there is none. */
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

  /** Rejects the caller's promise. Once the write was issued, its outcome is unknown. */
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

/** A pending write, without the type of its outcome. */
export type AnyPendingWrite = Pick<
  PendingWrite<unknown>,
  "isSettled" | "issue" | "resolve" | "reject"
> & { readonly write: Pick<Write<unknown>, "expiry" | "byteCount"> };
