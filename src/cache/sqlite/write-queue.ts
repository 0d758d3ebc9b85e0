/** Group commit: writes in flight at the same moment share one transaction. */
import { queueMicrotask, setImmediate } from "../../primitives/timers.js";
import type { CacheCallOptions, MaybePromise } from "../../vault/contracts.js";
import { CacheFullError, CacheUnavailableError, OutcomeUnknownError } from "../../vault/errors.js";
import { Deadline } from "../deadline.js";
import { UNWATCHED, type WatchedFile } from "./database-file.js";
import { commitFailure, isBusy, isFull, writeFailure } from "./failures.js";
import type { FreeSpace } from "./free-space.js";
import { PendingWrite, type QueuedWrite, type Write } from "./pending-write.js";
import { rollBack, type SqliteConnection, type SqliteStatement } from "./vendor.js";

/** Bounds of a transaction: the event loop stands still for as long as it takes. */
const MAX_BATCH = 256;
const MAX_BATCH_BYTES = 2 ** 21;
/** The most transactions of one write each, in one turn of the loop. */
const MAX_ALONE = 32;
/** Keeps the pauses between attempts at some tens of milliseconds. */
const MAX_BACKOFF = 5;

/** When a queue runs what it holds: after the current job, or once every callback of the loop's turn ran. */
export type FlushMoment = "job" | "turn";

/** Runs writes in the order in which they came, as many as possible in one transaction. */
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
   * Gives what the write gives, once it is committed: at once if that costs no wait for the disk and
   * no other write came in the same job.
   */
  submit<T>(write: Write<T>, options: CacheCallOptions | undefined): MaybePromise<T> {
    if (this.#isClosed) throw new CacheUnavailableError();
    const isFirst = this.#flushMoment === "job" && !this.#isJobBegun && !this.#isScheduled;
    return isFirst && !this.#isWaiting ? this.#runNow(write, options) : this.#queue(write, options);
  }

  /** Runs what is queued, if that is possible at once, and refuses the rest. */
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
    // What may help takes its time.
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

  /** Tries again until nobody else is at work; what has no time left is refused meanwhile. */
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

  /** Takes the next writes off the queue, as many as one transaction may hold. */
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

  /** Runs writes, and settles those that do not go back to the head of the queue. */
  #run(batch: readonly QueuedWrite[]): Outcome {
    try {
      if (!this.#file.isIntact) throw new CacheUnavailableError();
      return this.#tryToRun(batch);
    } catch (error) {
      // The file is gone or the room failed, with nothing begun; what is settled stays as it is.
      for (const write of batch) write.fail(writeFailure(error));
      return "done";
    }
  }

  /** Those that could not be tried go back to the head of the queue. */
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
   * What failed together is tried one by one, so that each learns what became of itself; as that takes
   * its time, only the first of them in this turn of the loop.
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

  /** What was committed to a file that is gone may be found by nothing that opens its path. */
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

/** Why a write failed, and whether it may have been committed nevertheless. */
interface Failure {
  readonly error: unknown;
  readonly isCommitting: boolean;
}

function errorOf({ error, isCommitting }: Failure): Error {
  return isCommitting ? commitFailure(error) : writeFailure(error);
}

/** What the owner of a wrapped connection may roll back is no place to write. */
const OWNERS_TRANSACTION: Failure = { error: { code: "SQLITE_BUSY" }, isCommitting: false };
