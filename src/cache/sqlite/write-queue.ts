/** Group commit: writes that are pending at the same time share one transaction. */
import { queueMicrotask, setImmediate } from "../../primitives/timers.js";
import type { CacheCallOptions, MaybePromise } from "../../vault/contracts.js";
import { CacheFullError, CacheUnavailableError, OutcomeUnknownError } from "../../vault/errors.js";
import { Deadline } from "../deadline.js";
import type { WatchedFile } from "../file-identity.js";
import { UNWATCHED } from "./database-file.js";
import { commitFailure, isBusy, isFull, writeFailure } from "./failures.js";
import type { FreeSpace } from "./free-space.js";
import { PendingWrite, type QueuedWrite, type Write } from "./pending-write.js";
import { rollBack, type SqliteConnection, type SqliteStatement } from "./vendor.js";

/** Bounds of a transaction, which blocks the event loop. */
const MAX_BATCH = 256;
const MAX_BATCH_BYTES = 2 ** 21;
/** The most transactions of one write each, in one turn of the event loop. */
const MAX_ALONE = 32;
/** Limits the pause between attempts to some tens of milliseconds. */
const MAX_BACKOFF = 5;

/** When a queue commits: after the current job, or after all callbacks of this turn of the event loop. */
export type FlushMoment = "job" | "turn";

/** Runs writes in the order of submission, as many as possible in one transaction. */
export class WriteQueue {
  readonly #connection: SqliteConnection;
  readonly #freeSpace: FreeSpace;
  readonly #file: WatchedFile;
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;
  #flushMoment: FlushMoment = "turn";
  #queued: QueuedWrite[] = [];
  #isScheduled = false;
  #isWaiting = false;
  #isJobBegun = false;
  #isClosed = false;

  constructor(connection: SqliteConnection, freeSpace: FreeSpace, file: WatchedFile = UNWATCHED) {
    this.#connection = connection;
    this.#freeSpace = freeSpace;
    this.#file = file;
    this.#begin = connection.prepare("BEGIN IMMEDIATE");
    this.#commit = connection.prepare("COMMIT");
  }

  set flushMoment(moment: FlushMoment) {
    this.#flushMoment = moment;
  }

  /** Whether writes are pending. */
  get isBusy(): boolean {
    return this.#queued.length > 0 || this.#isWaiting;
  }

  /**
   * Returns the result of a write once it is committed: synchronously if a commit does not wait for the
   * disk and this is the first write of the current job.
   */
  submit<T>(write: Write<T>, options: CacheCallOptions | undefined): MaybePromise<T> {
    if (this.#isClosed) throw new CacheUnavailableError();
    const isFirst = this.#flushMoment === "job" && !this.#isJobBegun && !this.#isScheduled;
    return isFirst && !this.#isWaiting ? this.#runNow(write, options) : this.#queue(write, options);
  }

  /** Commits the queued writes if no lock prevents it, and rejects the rest. */
  close(): void {
    if (this.#isClosed) return;
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      if (this.#run(batch) !== "done") break;
    }
    this.#isClosed = true;
    for (const write of this.#queued.splice(0)) write.fail(new CacheUnavailableError());
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    if (this.#isClosed || this.#isWaiting) return;
    const batch = this.#take();
    if (batch.length === 0) return;
    if (this.#run(batch) === "busy") void this.#retry();
    else if (this.#queued.length > 0) this.#scheduleTurn();
  };

  readonly #endJob = (): void => {
    this.#isJobBegun = false;
  };

  #runNow<T>(write: Write<T>, options: CacheCallOptions | undefined): MaybePromise<T> {
    this.#isJobBegun = true;
    queueMicrotask(this.#endJob);
    if (write.bytes > 0 && !this.#hasRoom(write.bytes)) throw new CacheFullError();
    const attempt = this.#attempt(write);
    if ("result" in attempt) {
      if (!this.#file.isIntact) throw new OutcomeUnknownError();
      this.#freeSpace.onCommitted(write.bytes);
      return attempt.result;
    }
    const { error } = attempt;
    // A retry, or releasing the reserve, may help, and both happen asynchronously.
    if (isBusy(error) || (write.isRemoval && isFull(error))) return this.#queue(write, options);
    throw errorOf(attempt);
  }

  #queue<T>(write: Write<T>, options: CacheCallOptions | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queued.push(new PendingWrite(write, new Deadline(options), { resolve, reject }));
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWaiting) return;
    if (this.#flushMoment === "turn") {
      this.#scheduleTurn();
      return;
    }
    this.#isScheduled = true;
    queueMicrotask(this.#flush);
  }

  #scheduleTurn(): void {
    this.#isScheduled = true;
    setImmediate(this.#flush);
  }

  /** Retries until the database is no longer locked. Writes whose deadline passes are rejected. */
  async #retry(): Promise<void> {
    this.#isWaiting = true;
    let outcome: Outcome = "busy";
    for (let attempt = 1; outcome === "busy"; attempt++) {
      await this.#queued[0]?.deadline.pause(Math.min(attempt, MAX_BACKOFF));
      if (this.#isClosed) return;
      const batch = this.#take();
      outcome = batch.length === 0 ? "done" : this.#run(batch);
    }
    this.#isWaiting = false;
    if (this.#queued.length > 0) this.#scheduleTurn();
  }

  /** Removes the next writes from the queue, as many as fit into one transaction. */
  #take(): QueuedWrite[] {
    this.#dropOverdue();
    let [count, bytes] = [0, 0];
    for (const write of this.#queued) {
      bytes += write.bytes;
      if (count === MAX_BATCH || (count > 0 && bytes > MAX_BATCH_BYTES)) break;
      count += 1;
    }
    return this.#queued.splice(0, count);
  }

  #dropOverdue(): void {
    if (!this.#queued.some(({ deadline }) => deadline.hasPassed)) return;
    const [waiting, overdue]: [QueuedWrite[], QueuedWrite[]] = [[], []];
    for (const write of this.#queued) (write.deadline.hasPassed ? overdue : waiting).push(write);
    this.#queued = waiting;
    for (const write of overdue) write.fail(new CacheUnavailableError());
  }

  /** Runs writes and settles them, except for those that return to the front of the queue. */
  #run(batch: readonly QueuedWrite[]): Outcome {
    try {
      if (!this.#file.isIntact) throw new CacheUnavailableError();
      return this.#tryToRun(batch);
    } catch (error) {
      // The file is lost or free space could not be measured: no transaction has begun. Writes that
      // were settled before stay settled.
      for (const write of batch) write.fail(writeFailure(error));
      return "done";
    }
  }

  /** Runs the admitted writes. Writes that met a lock return to the front of the queue. */
  #tryToRun(batch: readonly QueuedWrite[]): Outcome {
    const bytes = batch.reduce((sum, write) => sum + write.bytes, 0);
    if (bytes > 0) this.#freeSpace.onBatch(bytes);
    const admitted = batch.filter((write) => this.#admit(write));
    const [first] = admitted;
    if (first === undefined) return "done";
    if (admitted.length === 1) return this.#runAlone(first, []);
    const outcome = this.#runTogether(admitted);
    if (outcome === "busy") this.#queued.unshift(...admitted);
    return outcome === "failed" ? this.#runEach(admitted) : outcome;
  }

  #hasRoom(bytes: number): boolean {
    try {
      this.#freeSpace.onBatch(bytes);
      return this.#freeSpace.admits(bytes);
    } catch (error) {
      throw writeFailure(error);
    }
  }

  #admit(write: QueuedWrite): boolean {
    if (write.bytes === 0 || this.#freeSpace.admits(write.bytes)) return true;
    write.fail(new CacheFullError());
    return false;
  }

  #runTogether(batch: readonly QueuedWrite[]): Outcome | "failed" {
    if (this.#connection.inTransaction) return "busy";
    let bytes = 0;
    try {
      this.#begin.run();
      for (const write of batch) {
        write.apply();
        bytes += write.bytes;
      }
      this.#commit.run();
    } catch (error) {
      this.#undo(error);
      return isBusy(error) ? "busy" : "failed";
    }
    this.#acknowledge(batch, bytes);
    return "done";
  }

  /**
   * Runs the writes of a failed transaction one by one, so that each gets its own result. Only the first
   * ones run in this turn of the event loop, because each needs a commit of its own.
   */
  #runEach(batch: readonly QueuedWrite[]): Outcome {
    const now = Math.min(batch.length, MAX_ALONE);
    for (const [index, write] of batch.slice(0, now).entries()) {
      if (this.#runAlone(write, batch.slice(index + 1)) === "busy") return "busy";
    }
    this.#queued.unshift(...batch.slice(now));
    return "done";
  }

  #runAlone(write: QueuedWrite, following: readonly QueuedWrite[]): Outcome {
    let attempt = this.#attempt(write);
    if ("error" in attempt && write.isRemoval && isFull(attempt.error)) {
      this.#freeSpace.releaseReserve();
      attempt = this.#attempt(write);
    }
    if ("result" in attempt) {
      this.#acknowledge([write], write.bytes);
    } else if (isBusy(attempt.error)) {
      this.#queued.unshift(write, ...following);
      return "busy";
    } else {
      write.fail(errorOf(attempt));
    }
    return "done";
  }

  /**
   * Settles committed writes. If the file was lost, their outcome is unknown: no process that opens the
   * path may find them.
   */
  #acknowledge(batch: readonly QueuedWrite[], bytes: number): void {
    if (this.#file.isIntact) {
      for (const write of batch) write.succeed();
      this.#freeSpace.onCommitted(bytes);
    } else {
      for (const write of batch) write.fail(new OutcomeUnknownError());
    }
  }

  #attempt<T>(write: Pick<Write<T>, "apply" | "isSingleStatement">): { result: T } | Failure {
    if (this.#connection.inTransaction) return OWNERS_TRANSACTION;
    let isCommitting = write.isSingleStatement;
    try {
      if (write.isSingleStatement) return { result: write.apply() };
      this.#begin.run();
      const result = write.apply();
      isCommitting = true;
      this.#commit.run();
      return { result };
    } catch (error) {
      this.#undo(error);
      return { error, isCommitting };
    }
  }

  #undo(error: unknown): void {
    rollBack(this.#connection);
    if (isFull(error)) this.#freeSpace.onFull();
  }
}

type Outcome = "done" | "busy";

/** The error of a write, and whether the commit had begun, so that its outcome may be unknown. */
interface Failure {
  readonly error: unknown;
  readonly isCommitting: boolean;
}

function errorOf({ error, isCommitting }: Failure): Error {
  return isCommitting ? commitFailure(error) : writeFailure(error);
}

/** A write must not join a transaction of the connection's owner, who may roll it back. */
const OWNERS_TRANSACTION: Failure = { error: { code: "SQLITE_BUSY" }, isCommitting: false };
