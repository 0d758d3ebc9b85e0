/** One operation: sent, sent again where that is safe, and given up when its time has passed. */
import { withTimers } from "../../primitives/timers.js";
import type { CacheCallOptions } from "../../vault/contracts.js";
import {
  CacheFullError,
  CacheUnavailableError,
  CacheUnsafeError,
  OutcomeUnknownError,
} from "../../vault/errors.js";
import { Deadline, refuseAborted } from "../deadline.js";
import type { Passenger } from "./command-queue.js";
import type { Link } from "./connection-state.js";
import type { Watched } from "./deadline-timer.js";
import { causeOf, failureOf, mayBePartial } from "./failures.js";
import type { RespCommands, RespConnection, RespPipeline } from "./vendor.js";

/** What an operation does to records: a `store` is refused when the servers may lose it. */
export type Effect = "read" | "store" | "delete";

/** An answer that does not tell what the operation has done: it is sent again. */
export const UNCLEAR: unique symbol = Symbol("unclear");

/**
 * An operation under way. Attempts repeat until one is answered, certainly refused, or time is up:
 * every write carries its own revision, so that a second execution shows itself.
 */
export abstract class Flight<T> implements Watched, Passenger {
  readonly deadline: Deadline;
  /** Whether an earlier attempt may have been executed. */
  protected mayHaveHappened = false;
  protected attempts = 0;
  readonly #link: Link;
  readonly #effect: Effect;
  #isPending = false;
  #isSettled = false;
  #losses = 0;
  /** Whether what the server promises was known when the command was given to the peer. */
  #wasAsked = false;
  #cause: unknown;
  #resolve: (answer: T) => void = ignore;
  #reject: (error: Error) => void = ignore;

  constructor(link: Link, effect: Effect, options: CacheCallOptions | undefined) {
    refuseAborted(options);
    if (!link.isOpen || !link.guarantees.isPromised) throw new CacheUnavailableError();
    this.#link = link;
    this.#effect = effect;
    this.deadline = new Deadline(options);
  }

  /** Gives the command to a connection or a pipeline. */
  protected abstract send(to: RespCommands): unknown;

  /** Returns what a reply means. */
  protected abstract read(reply: unknown): T | typeof UNCLEAR;

  /** Whether an answer says that something was written. */
  protected wasWritten(_answer: T): boolean {
    return false;
  }

  get bytes(): number {
    return 0;
  }

  /** Whether it is sent by itself: the peers copy all that they send together into one buffer. */
  protected get isLarge(): boolean {
    return false;
  }

  /** Sends the command in a pipeline of its own: redirections are followed only where all of one are alike. */
  protected sendAlone(connection: RespConnection): Promise<unknown> {
    const pipeline = connection.pipeline() as RespPipeline;
    this.send(pipeline);
    return pipeline.exec().then(onlyReply);
  }

  /** Starts the operation. */
  take(): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#link.watch.add(this);
      this.#attempt();
    });
  }

  giveUp(): void {
    const options = this.#cause === undefined ? undefined : { cause: causeOf(this.#cause) };
    const isCertain = this.#effect === "read" || !(this.mayHaveHappened || this.#isPending);
    this.#fail(isCertain ? new CacheUnavailableError(options) : new OutcomeUnknownError(options));
  }

  #attempt(): void {
    const { isOpen, connection, guarantees } = this.#link;
    if (!isOpen || connection.status === "end") this.giveUp();
    else if (this.#effect !== "read" && !guarantees.isCurrent) this.#awaitGuarantees();
    else if (this.#effect === "store" && !guarantees.isKept) this.#refuse();
    else this.#dispatch();
  }

  /** Commands to one server are sent together; a cluster's have to find their servers. */
  #dispatch(): void {
    const { isCluster, batcher } = this.#link;
    if (!isCluster && !this.isLarge) {
      batcher.add(this);
      return;
    }
    try {
      withTimers(() => this.#reply()).then(
        (reply) => this.answered(reply),
        (error: unknown) => this.failed(error),
      );
    } catch (error) {
      // The peers throw when they cannot even tell which server to send to.
      this.#isPending = false;
      this.#retry(error);
    }
  }

  board(to: RespCommands): boolean {
    if (this.#isSettled) return false;
    this.#depart();
    this.send(to);
    return true;
  }

  #depart(): void {
    this.attempts += 1;
    this.#losses = this.#link.losses;
    this.#wasAsked = this.#link.guarantees.isCurrent;
    this.#isPending = true;
  }

  #reply(): Promise<unknown> {
    this.#depart();
    const { connection } = this.#link;
    if (this.attempts === 1 && !this.isLarge) return this.send(connection) as Promise<unknown>;
    return this.sendAlone(connection);
  }

  /** After a reconnect the server may be another, or set up otherwise: nothing is written before it is asked. */
  #awaitGuarantees(): void {
    this.#link.guarantees.refresh().then(
      () => {
        if (!this.#isSettled) this.#attempt();
      },
      (error: unknown) => this.#retry(error),
    );
  }

  #refuse(): void {
    const isCertain = !this.mayHaveHappened;
    this.#fail(isCertain ? new CacheUnsafeError("volatile-cache") : new OutcomeUnknownError());
  }

  answered(reply: unknown): void {
    if (this.#isSettled) return;
    this.#isPending = false;
    // The peer may have sent the command a second time, on the next connection.
    if (this.#losses !== this.#link.losses) this.mayHaveHappened = true;
    try {
      const answer = this.read(reply);
      if (answer === UNCLEAR) this.#attempt();
      else if (this.wasWritten(answer)) this.#written(answer);
      else this.#succeed(answer);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  failed(error: unknown): void {
    if (this.#isSettled) return;
    this.#isPending = false;
    const failure = failureOf(error);
    if (failure === "lost" || this.#losses !== this.#link.losses) this.mayHaveHappened = true;
    if (failure === "lost" || failure === "later") this.#retry(error);
    else this.#end(failure, error);
  }

  #end(failure: "full" | "refused", error: unknown): void {
    this.#cause = error;
    if (failure === "refused" && mayBePartial(error)) this.mayHaveHappened = true;
    if (failure === "full" && !this.mayHaveHappened) this.#fail(new CacheFullError());
    else this.giveUp();
  }

  #written(answer: T): void {
    const isDoubtful = !this.#wasAsked || this.#losses !== this.#link.losses;
    if (this.#effect === "store" && isDoubtful) this.#awaitPromise(answer);
    else this.#confirm(answer);
  }

  /** The peer may have sent the command to another server than was asked: does that promise as much? */
  #awaitPromise(answer: T): void {
    const { guarantees, isOpen, connection } = this.#link;
    this.mayHaveHappened = true;
    if (!isOpen || connection.status === "end") {
      this.giveUp();
      return;
    }
    guarantees.refresh().then(
      () => {
        if (this.#isSettled) return;
        if (guarantees.isKept) this.#confirm(answer);
        else this.#refuse();
      },
      (error: unknown) => this.#retry(error, () => this.#awaitPromise(answer)),
    );
  }

  #retry(error: unknown, again: () => void = () => this.#attempt()): void {
    if (this.#isSettled) return;
    this.#cause = error;
    this.#link.relocate();
    void this.deadline.pause(this.attempts + 1).then(() => {
      if (this.#isSettled) return;
      if (this.deadline.hasPassed) this.giveUp();
      else again();
    });
  }

  #confirm(answer: T): void {
    if (this.#link.waitForReplicas === undefined) this.#succeed(answer);
    else this.#awaitReplicas(answer);
  }

  /** A connection that was lost meanwhile has another server, which would speak of nothing. */
  #awaitReplicas(answer: T): void {
    const { connection, waitForReplicas } = this.#link;
    this.mayHaveHappened = true;
    const { count = 0, timeoutMs = 0 } = waitForReplicas ?? {};
    connection.wait(count, timeoutMs).then(
      (replicas) => {
        if (this.#isSettled) return;
        const isConfirmed = Number(replicas) >= count && this.#losses === this.#link.losses;
        if (isConfirmed) this.#succeed(answer);
        else this.giveUp();
      },
      (error: unknown) => {
        this.#cause = error;
        if (!this.#isSettled) this.giveUp();
      },
    );
  }

  #succeed(answer: T): void {
    this.#isSettled = true;
    this.#link.watch.delete(this);
    this.#resolve(answer);
  }

  #fail(error: Error): void {
    this.#isSettled = true;
    this.#link.watch.delete(this);
    this.#reject(error);
  }
}

function onlyReply(results: [error: Error | null, reply: unknown][] | null): unknown {
  const [error, reply] = results?.[0] ?? [new Error("the pipeline has no result"), undefined];
  if (error !== null) throw error;
  return reply;
}

function ignore(): void {}
