/** Group commit: writes of one moment share a transaction, and each gets its own result. */
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

/** The pause between checks whether another process has finished opening the file. Opening takes a few. */
const OPENING_PAUSE_MS = 2;
/** Issuing a write takes some 30 µs, so a larger group would block the event loop for too long. */
const MAX_GROUP = 500;
/** Promises of at most this many written bytes are settled at once. */
const SETTLE_BYTES = 131_072;
/**
 * At most this many promises are settled at once if the commit took no longer than `QUICK_COMMIT_MS`. On
 * slower disks smaller batches would cause more commits, which cost more than they gain.
 */
const SETTLE_TOGETHER = 32;
const QUICK_COMMIT_MS = 1.5;

/** The parts of a {@link WriteQueue}. */
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
  /** The bytes of all pending writes. */
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
   * Adds a write to the next transaction.
   *
   * @throws {@link CacheUnavailableError} A transaction has failed: committed records stay readable,
   *   and writes are refused until the environment is opened again.
   */
  add<Outcome>(write: Write<Outcome>, options: CacheCallOptions | undefined): Promise<Outcome> {
    this.#refuseFailed();
    return new Promise((resolve, reject) => {
      this.#gathering.push(new PendingWrite(write, options, { resolve, reject }));
      this.pendingBytes += write.byteCount;
      // After all microtasks of this moment: callers that the last commit resumed join the group.
      if (this.#gathering.length === 1) nextTick(this.#flush);
    });
  }

  /** Resolves once all writes added until now have settled; later writes do not delay it. */
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

  /** Commits a group. Never rejects. */
  async #commit(gathered: readonly AnyPendingWrite[]): Promise<void> {
    const group = gathered.filter((pending) => !pending.isSettled);
    try {
      await this.#mayWrite(group);
      await this.#write(group);
    } catch (error) {
      // No write was issued.
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
      // Other processes may open the file while promises are settled.
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
    // Writes that were given up before were rejected as not made, so they must not be issued.
    const group = gathered.filter((pending) => !pending.isSettled);
    // lmdb commits all writes of one turn of the event loop in one transaction. Its `batch` does so,
    // too, but transfers each write separately, which costs half as much again.
    // The index comes first: a record without its purge time would never be purged.
    const index = rowsOf(expiriesOf(group)).map(({ key, value }) => expiries.put(key, value));
    const writes = group.map((pending) => pending.issue());
    // lmdb keeps a promise for each transaction. Without a handler its rejection would be unhandled.
    setImmediate(() => heads.committed.then(ignore, ignore));
    const startedAtMs = performance.now();
    const [held] = await Promise.all([Promise.all(writes), Promise.all(index)]);
    if (!this.#isIntact) throw new OutcomeUnknownError({ cause: filesLost() });
    const isQuick = performance.now() - startedAtMs <= QUICK_COMMIT_MS;
    return () => settleInBatches(group, held, isQuick ? SETTLE_TOGETHER : group.length);
  }

  /** Whether other processes, and later openings of the path, will find new writes. */
  get #isIntact(): boolean {
    return this.#files.isIntact && this.#gate.isIntact;
  }

  #refuseFailed(): void {
    if (this.#failure !== undefined) throw new CacheUnavailableError({ cause: this.#failure });
  }

  /** Returns the error for a group. Refuses later writes: lmdb may corrupt memory after a failed commit. */
  async #fail(error: unknown): Promise<Error> {
    if (isVaultError(error)) return error;
    const cause = await causeOf(error);
    this.#failure ??= cause;
    return isDiskFull(cause) ? new CacheFullError() : new OutcomeUnknownError({ cause });
  }
}

/**
 * Settles the promises of a group in batches. The next writes of the first callers are then on their way
 * to the disk while the remaining callers still prepare theirs.
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
      // lmdb needs the first of two turns to end the transaction that has begun since.
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

/** Returns the cause of a failed transaction, which lmdb delivers as a rejected promise. */
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
