/** Gathers the writes of a moment into one transaction, and says how each of them ended. */
import { performance } from "node:perf_hooks";
import { withoutPath } from "../../primitives/causes.js";
import {
  clearTimeout,
  nextTick,
  nextTurn,
  pause,
  setImmediate,
  setTimeout,
} from "../../primitives/timers.js";
import type { CacheCallOptions } from "../../vault/contracts.js";
import { CacheFullError, CacheUnavailableError, OutcomeUnknownError } from "../../vault/errors.js";
import { DEFAULT_TIMEOUT_MS } from "../deadline.js";
import { type Expiry, rowsOf } from "./expiry-rows.js";
import { WriterFlag } from "./opening.js";
import type { Tables } from "./tables.js";

/** Opening a file takes a few of these. */
const OPENING_PAUSE_MS = 2;
/** Issuing a write takes some 30 µs: a turn of the event loop must not take much longer than others. */
const MAX_GROUP = 500;
/** Callers that wrote so much are told at a time how their writes have ended. */
const TOLD_BYTES = 131_072;
/** So are so many callers where a commit takes no longer than this: on slower disks, more of them cost more. */
const TOLD_TOGETHER = 32;
const QUICK_COMMIT_MS = 1.5;

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

/** A write that waits for its end. */
class Waiting<Outcome> {
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

  /** Tells the caller without waiting any longer. */
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
type AnyWaiting = Pick<
  Waiting<unknown>,
  "endsAtMs" | "isSettled" | "issue" | "resolve" | "reject" | "giveUp"
> & { readonly write: Pick<Write<unknown>, "expiry" | "byteCount"> };

export class GroupCommit {
  readonly #tables: Tables;
  readonly #flag: WriterFlag;
  #gathering: AnyWaiting[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #failure: Error | undefined;
  /** Bytes of writes that have not settled. */
  pendingBytes = 0;

  /** @param path - The file of the environment. */
  constructor(tables: Tables, path: string) {
    this.#tables = tables;
    this.#flag = new WriterFlag(path);
  }

  /**
   * Adds a write to the transaction that is gathered now.
   *
   * @throws {@link CacheUnavailableError} A transaction has failed: what is on the disk stays
   *   readable, and nothing is written until the environment is opened again.
   */
  add<Outcome>(write: Write<Outcome>, options: CacheCallOptions | undefined): Promise<Outcome> {
    this.#refuseFailed();
    return new Promise((resolve, reject) => {
      this.#gathering.push(new Waiting(write, options, { resolve, reject }));
      this.pendingBytes += write.byteCount;
      // After every microtask of this moment: whoever was woken by the last commit comes along.
      if (this.#gathering.length === 1) nextTick(this.#flush);
    });
  }

  /** Resolves once everything that was added until now has settled, whatever others go on adding. */
  async settled(): Promise<void> {
    while (this.#gathering.length > 0) await nextTurn();
    await Promise.all(this.#inFlight);
    if (this.#inFlight.size === 0) this.#flag.lower();
  }

  readonly #flush = (): void => {
    const gathered = this.#gathering.splice(0, MAX_GROUP);
    if (this.#gathering.length > 0) setImmediate(this.#flush);
    const flight = this.#commit(gathered).finally(() => {
      this.#inFlight.delete(flight);
      for (const { write } of gathered) this.pendingBytes -= write.byteCount;
    });
    this.#inFlight.add(flight);
  };

  /** Writes a group; never rejects. */
  async #commit(gathered: readonly AnyWaiting[]): Promise<void> {
    const group = gathered.filter((waiting) => !waiting.isSettled);
    const stop = giveUpInTime(group);
    try {
      await this.#mayWrite(group);
      await this.#write(group);
    } catch (error) {
      // Nothing has been issued.
      const cause = withoutPath(error);
      for (const waiting of group) waiting.reject(new CacheUnavailableError({ cause }));
    } finally {
      stop();
    }
  }

  async #write(group: readonly AnyWaiting[]): Promise<void> {
    let tell: () => Promise<void>;
    try {
      this.#refuseFailed();
      tell = await this.#issue(group);
    } catch (error) {
      const failure = await this.#fail(error);
      tell = async () => {
        for (const waiting of group) waiting.reject(failure);
      };
    } finally {
      // Others may open the file while callers are told.
      this.#flag.leave();
    }
    await tell();
  }

  /** Waits while another process opens the file. */
  async #mayWrite(group: readonly AnyWaiting[]): Promise<void> {
    while (!this.#flag.enter()) {
      await pause(OPENING_PAUSE_MS);
      if (group.every(({ isSettled }) => isSettled)) throw new CacheUnavailableError();
    }
  }

  async #issue(gathered: readonly AnyWaiting[]): Promise<() => Promise<void>> {
    const { heads, expiries } = this.#tables;
    // What was given up in the meantime has been told that nothing happened.
    const group = gathered.filter((waiting) => !waiting.isSettled);
    // lmdb puts what is written within one turn of the event loop into one transaction. Its `batch`
    // would do so too, but hands over each write by itself, which costs half as much again.
    // The index first: a record without its purge time would never go away.
    const index = rowsOf(expiriesOf(group)).map(({ key, value }) => expiries.put(key, value));
    const writes = group.map((waiting) => waiting.issue());
    // lmdb keeps a promise of its own for each transaction. Nobody else would see it fail.
    setImmediate(() => heads.committed.then(ignore, ignore));
    const startedAtMs = performance.now();
    const [held] = await Promise.all([Promise.all(writes), Promise.all(index)]);
    const isQuick = performance.now() - startedAtMs <= QUICK_COMMIT_MS;
    return () => tell(group, held, isQuick ? TOLD_TOGETHER : group.length);
  }

  #refuseFailed(): void {
    if (this.#failure !== undefined) throw new CacheUnavailableError({ cause: this.#failure });
  }

  /** Ends writing for good: after a failed commit lmdb has been seen to damage its memory. */
  async #fail(error: unknown): Promise<Error> {
    if (error instanceof CacheUnavailableError) return error;
    const cause = await causeOf(error);
    this.#failure ??= cause;
    return isForWantOfRoom(cause) ? new CacheFullError() : new OutcomeUnknownError({ cause });
  }
}

/**
 * Tells callers what has become of their writes, a few at a time: what the first of them write next is on its
 * way to the disk while the others are still preparing theirs.
 */
async function tell(
  group: readonly AnyWaiting[],
  held: readonly boolean[],
  together: number,
): Promise<void> {
  let told = 0;
  let toldBytes = 0;
  for (const [index, waiting] of group.entries()) {
    if (told === together || toldBytes > TOLD_BYTES) {
      // lmdb ends in the first of two turns the transaction that was begun since.
      await nextTurn();
      await nextTurn();
      told = 0;
      toldBytes = 0;
    }
    told += 1;
    toldBytes += waiting.write.byteCount;
    waiting.resolve(held[index] === true);
  }
}

function expiriesOf(group: readonly AnyWaiting[]): Expiry[] {
  const expiries: Expiry[] = [];
  for (const { write } of group) if (write.expiry !== undefined) expiries.push(write.expiry);
  return expiries;
}

/** Tells each write of a group when its time has passed; returns how to call that off. */
function giveUpInTime(group: readonly AnyWaiting[]): () => void {
  let timer: NodeJS.Timeout | undefined;
  const check = () => {
    const nowMs = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const waiting of group) {
      if (waiting.isSettled) continue;
      if (waiting.endsAtMs <= nowMs) waiting.giveUp();
      else next = Math.min(next, waiting.endsAtMs);
    }
    if (next < Number.POSITIVE_INFINITY) timer = setTimeout(check, Math.ceil(next - nowMs));
  };
  check();
  return () => clearTimeout(timer);
}

/** Returns what made a transaction fail: lmdb hands it over in a promise that rejects. */
async function causeOf(error: unknown): Promise<Error> {
  const { commitError } = error as { commitError?: PromiseLike<unknown> };
  try {
    await commitError;
  } catch (cause) {
    if (cause instanceof Error) return cause;
  }
  return error instanceof Error ? error : new Error("the transaction failed");
}

const ENOSPC = 28;
const MDB_MAP_FULL = -30792;

function isForWantOfRoom(cause: Error): boolean {
  const { code } = cause as { code?: unknown };
  return code === ENOSPC || code === MDB_MAP_FULL;
}

function ignore(): void {}
