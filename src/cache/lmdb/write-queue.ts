/** Gathers the writes of a moment into one transaction, and says how each of them ended. */
import { performance } from "node:perf_hooks";
import { nextTick, nextTurn, pause, setImmediate } from "../../primitives/timers.js";
import type { CacheCallOptions } from "../../vault/contracts.js";
import {
  CacheFullError,
  CacheUnavailableError,
  isVaultError,
  OutcomeUnknownError,
} from "../../vault/errors.js";
import { filesLost, type WatchedFiles } from "./environment-files.js";
import { type Expiry, rowsOf } from "./expiry-rows.js";
import { unavailable } from "./failures.js";
import type { OpeningGate } from "./opening-gate.js";
import { type AnyPendingWrite, PendingWrite, type Write } from "./pending-write.js";
import type { Tables } from "./tables.js";

/** Opening a file takes a few of these. */
const OPENING_PAUSE_MS = 2;
/** Issuing a write takes some 30 µs: a turn of the event loop must not take much longer than others. */
const MAX_GROUP = 500;
/** Callers that wrote so much are told at a time how their writes have ended. */
const SETTLE_BYTES = 131_072;
/** So are so many callers where a commit takes no longer than this: on slower disks, more of them cost more. */
const SETTLE_TOGETHER = 32;
const QUICK_COMMIT_MS = 1.5;

/** What a {@link WriteQueue} writes to, and what guards that. */
export interface WriteQueueParts {
  readonly tables: Tables;
  readonly gate: OpeningGate;
  readonly files: WatchedFiles;
}

export class WriteQueue {
  readonly #tables: Tables;
  readonly #gate: OpeningGate;
  readonly #files: WatchedFiles;
  #gathering: AnyPendingWrite[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #failure: Error | undefined;
  /** Bytes of writes that have not settled. */
  pendingBytes = 0;

  constructor({ tables, gate, files }: WriteQueueParts) {
    this.#tables = tables;
    this.#gate = gate;
    this.#files = files;
  }

  /** Whether writes are pending. */
  get isBusy(): boolean {
    return this.#gathering.length > 0 || this.#inFlight.size > 0;
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
      this.#gathering.push(new PendingWrite(write, options, { resolve, reject }));
      this.pendingBytes += write.byteCount;
      // After every microtask of this moment: whoever was woken by the last commit comes along.
      if (this.#gathering.length === 1) nextTick(this.#flush);
    });
  }

  /** Resolves once everything that was added until now has settled, whatever others go on adding. */
  async settled(): Promise<void> {
    while (this.#gathering.length > 0) await nextTurn();
    await Promise.all(this.#inFlight);
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
  async #commit(gathered: readonly AnyPendingWrite[]): Promise<void> {
    const group = gathered.filter((pending) => !pending.isSettled);
    try {
      await this.#mayWrite(group);
      await this.#write(group);
    } catch (error) {
      // Nothing has been issued.
      for (const pending of group) pending.reject(unavailable(error));
    }
  }

  async #write(group: readonly AnyPendingWrite[]): Promise<void> {
    let settle: () => Promise<void>;
    try {
      this.#refuseFailed();
      if (!this.#isIntact) throw new CacheUnavailableError({ cause: filesLost() });
      settle = await this.#issue(group);
    } catch (error) {
      const failure = await this.#fail(error);
      settle = async () => {
        for (const pending of group) pending.reject(failure);
      };
    } finally {
      // Others may open the file while callers are told.
      this.#gate.leave();
    }
    await settle();
  }

  /** Waits while another process opens the file. */
  async #mayWrite(group: readonly AnyPendingWrite[]): Promise<void> {
    await this.#gate.ready();
    while (!this.#gate.enter()) {
      await pause(OPENING_PAUSE_MS);
      if (group.every(({ isSettled }) => isSettled)) throw new CacheUnavailableError();
    }
  }

  async #issue(gathered: readonly AnyPendingWrite[]): Promise<() => Promise<void>> {
    const { heads, expiries } = this.#tables;
    // What was given up in the meantime has been told that nothing happened.
    const group = gathered.filter((pending) => !pending.isSettled);
    // lmdb puts what is written within one turn of the event loop into one transaction. Its `batch`
    // would do so too, but hands over each write by itself, which costs half as much again.
    // The index first: a record without its purge time would never go away.
    const index = rowsOf(expiriesOf(group)).map(({ key, value }) => expiries.put(key, value));
    const writes = group.map((pending) => pending.issue());
    // lmdb keeps a promise of its own for each transaction. Nobody else would see it fail.
    setImmediate(() => heads.committed.then(ignore, ignore));
    const startedAtMs = performance.now();
    const [held] = await Promise.all([Promise.all(writes), Promise.all(index)]);
    if (!this.#isIntact) throw new OutcomeUnknownError({ cause: filesLost() });
    const isQuick = performance.now() - startedAtMs <= QUICK_COMMIT_MS;
    return () => settleInBatches(group, held, isQuick ? SETTLE_TOGETHER : group.length);
  }

  /** Whether other processes, and the next opening, will find new writes. */
  get #isIntact(): boolean {
    return this.#files.isIntact && this.#gate.isIntact;
  }

  #refuseFailed(): void {
    if (this.#failure !== undefined) throw new CacheUnavailableError({ cause: this.#failure });
  }

  /** Ends writing for good: after a failed commit lmdb has been seen to damage its memory. */
  async #fail(error: unknown): Promise<Error> {
    if (isVaultError(error)) return error;
    const cause = await causeOf(error);
    this.#failure ??= cause;
    return isDiskFull(cause) ? new CacheFullError() : new OutcomeUnknownError({ cause });
  }
}

/**
 * Tells callers what has become of their writes, a few at a time: what the first of them write next is on its
 * way to the disk while the others are still preparing theirs.
 */
async function settleInBatches(
  group: readonly AnyPendingWrite[],
  held: readonly boolean[],
  together: number,
): Promise<void> {
  let settled = 0;
  let settledBytes = 0;
  for (const [index, pending] of group.entries()) {
    if (settled === together || settledBytes > SETTLE_BYTES) {
      // lmdb ends in the first of two turns the transaction that was begun since.
      await nextTurn();
      await nextTurn();
      settled = 0;
      settledBytes = 0;
    }
    settled += 1;
    settledBytes += pending.write.byteCount;
    pending.resolve(held[index] === true);
  }
}

function expiriesOf(group: readonly AnyPendingWrite[]): Expiry[] {
  const expiries: Expiry[] = [];
  for (const { write } of group) if (write.expiry !== undefined) expiries.push(write.expiry);
  return expiries;
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

function isDiskFull(cause: Error): boolean {
  const { code } = cause as { code?: unknown };
  return code === ENOSPC || code === MDB_MAP_FULL;
}

function ignore(): void {}
