/** Writes on their way into a transaction, and when their callers stop pending. */

import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "../../primitives/timers.js";
import type { CacheCallOptions } from "../../vault/contracts.js";
import { CacheUnavailableError, OutcomeUnknownError } from "../../vault/errors.js";
import { DEFAULT_TIMEOUT_MS } from "../deadline.js";
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
  readonly endsAtMs: number;
  readonly #settle: Settle<Outcome>;
  readonly #signal: AbortSignal | undefined;
  readonly #giveUp: (() => void) | undefined;
  #isIssued = false;
  isSettled = false;

  constructor(
    write: Write<Outcome>,
    options: CacheCallOptions | undefined,
    settle: Settle<Outcome>,
  ) {
    this.write = write;
    this.endsAtMs = performance.now() + (options?.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    this.#settle = settle;
    this.#signal = options?.signal;
    if (this.#signal === undefined) return;
    this.#giveUp = () => this.giveUp();
    this.#signal.addEventListener("abort", this.#giveUp);
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
  giveUp(): void {
    this.reject(this.#isIssued ? new OutcomeUnknownError() : new CacheUnavailableError());
  }

  #end(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    if (this.#giveUp !== undefined) this.#signal?.removeEventListener("abort", this.#giveUp);
    return true;
  }
}

/** What the writer needs to know of a write, whatever its outcomes are. */
export type AnyPendingWrite = Pick<
  PendingWrite<unknown>,
  "endsAtMs" | "isSettled" | "issue" | "resolve" | "reject" | "giveUp"
> & { readonly write: Pick<Write<unknown>, "expiry" | "byteCount"> };

/** Gives up each write of a group once its time has passed; returns how to cancel that. */
export function giveUpInTime(group: readonly AnyPendingWrite[]): () => void {
  let timer: NodeJS.Timeout | undefined;
  const check = () => {
    const nowMs = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const pending of group) {
      if (pending.isSettled) continue;
      if (pending.endsAtMs <= nowMs) pending.giveUp();
      else next = Math.min(next, pending.endsAtMs);
    }
    if (next < Number.POSITIVE_INFINITY) timer = setTimeout(check, Math.ceil(next - nowMs));
  };
  check();
  return () => clearTimeout(timer);
}
