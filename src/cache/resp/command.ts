/** A command: sends an operation, repeats it where that is safe, and gives it up at its deadline. */
import { withTimers } from "../../primitives/timers.js";
import type { CacheCallOptions } from "../../vault/contracts.js";
import {
  CacheFullError,
  CacheUnavailableError,
  CacheUnsafeError,
  OutcomeUnknownError,
} from "../../vault/errors.js";
import { Deadline, refuseAborted } from "../deadline.js";
import type { Pipelined } from "./command-queue.js";
import type { ConnectionState } from "./connection-state.js";
import type { Expirable } from "./deadline-timer.js";
import { causeOf, failureOf, mayBePartial } from "./failures.js";
import type { CommandWriter, RespConnection, RespPipeline } from "./vendor.js";

/** The effect of an operation on records. A `store` is refused if the servers may lose it. */
export type Effect = "read" | "store" | "delete";

/** A reply that does not determine the outcome of the operation, which is therefore sent again. */
export const UNCLEAR: unique symbol = Symbol("unclear");

/**
 * An operation in progress. It is repeated until a reply arrives, the server refuses it for certain, or
 * the deadline passes. Every write carries its own revision, so that a second execution is recognized.
 */
export abstract class RespCommand<T> implements Expirable, Pipelined {
  readonly deadline: Deadline;
  /** Whether an earlier attempt may have been executed. */
  protected mayHaveHappened = false;
  protected attempts = 0;
  readonly #state: ConnectionState;
  readonly #effect: Effect;
  #isPending = false;
  #isSettled = false;
  #losses = 0;
  /** Whether the server's durability was known when the command was given to the client library. */
  #wasFresh = false;
  #cause: unknown;
  #resolve: (result: T) => void = ignore;
  #reject: (error: Error) => void = ignore;

  constructor(state: ConnectionState, effect: Effect, options: CacheCallOptions | undefined) {
    refuseAborted(options);
    if (!state.isOpen || !state.durability.isKnown) throw new CacheUnavailableError();
    this.#state = state;
    this.#effect = effect;
    this.deadline = new Deadline(options);
  }

  /** Writes the command to a connection or a pipeline. */
  protected abstract send(to: CommandWriter): unknown;

  /** Returns the result that a reply means. */
  protected abstract read(reply: unknown): T | typeof UNCLEAR;

  /** Returns whether a result means that something was written. */
  protected wasWritten(_result: T): boolean {
    return false;
  }

  get bytes(): number {
    return 0;
  }

  /** Whether to send it alone: the client libraries copy a whole pipeline into one buffer. */
  protected get isLarge(): boolean {
    return false;
  }

  /** Sends the command in its own pipeline: a redirection is only followed if all of a pipeline get the same. */
  protected sendAlone(connection: RespConnection): Promise<unknown> {
    const pipeline = connection.pipeline() as RespPipeline;
    this.send(pipeline);
    return pipeline.exec().then(onlyReply);
  }

  /** Starts the operation. Resolves with its result. */
  run(): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#state.deadlineTimer.add(this);
      this.#attempt();
    });
  }

  giveUp(): void {
    const options = this.#cause === undefined ? undefined : { cause: causeOf(this.#cause) };
    const isCertain = this.#effect === "read" || !(this.mayHaveHappened || this.#isPending);
    this.#fail(isCertain ? new CacheUnavailableError(options) : new OutcomeUnknownError(options));
  }

  #attempt(): void {
    const { isOpen, connection, durability } = this.#state;
    if (!isOpen || connection.status === "end") this.giveUp();
    else if (this.#effect !== "read" && !durability.isFresh) this.#awaitDurability();
    else if (this.#effect === "store" && !durability.isSufficient) this.#refuse();
    else this.#dispatch();
  }

  /** Pipelines commands to a single server. In a cluster each command must find its server. */
  #dispatch(): void {
    const { isCluster, queue } = this.#state;
    if (!isCluster && !this.isLarge) {
      queue.add(this);
      return;
    }
    try {
      withTimers(() => this.#reply()).then(
        (reply) => this.onReply(reply),
        (error: unknown) => this.onError(error),
      );
    } catch (error) {
      // The client libraries throw if they do not know any server to send to.
      this.#isPending = false;
      this.#retry(error);
    }
  }

  writeTo(to: CommandWriter): boolean {
    if (this.#isSettled) return false;
    this.#start();
    this.send(to);
    return true;
  }

  #start(): void {
    this.attempts += 1;
    this.#losses = this.#state.losses;
    this.#wasFresh = this.#state.durability.isFresh;
    this.#isPending = true;
  }

  #reply(): Promise<unknown> {
    this.#start();
    const { connection } = this.#state;
    if (this.attempts === 1 && !this.isLarge) return this.send(connection) as Promise<unknown>;
    return this.sendAlone(connection);
  }

  /** After a reconnect the server or its settings may differ: its durability is read before any write. */
  #awaitDurability(): void {
    this.#state.durability.refresh().then(
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

  onReply(reply: unknown): void {
    if (this.#isSettled) return;
    this.#isPending = false;
    // The client library may have sent the command a second time, on the next connection.
    if (this.#losses !== this.#state.losses) this.mayHaveHappened = true;
    try {
      const result = this.read(reply);
      if (result === UNCLEAR) this.#attempt();
      else if (this.wasWritten(result)) this.#written(result);
      else this.#succeed(result);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  onError(error: unknown): void {
    if (this.#isSettled) return;
    this.#isPending = false;
    const failure = failureOf(error);
    if (failure === "lost" || this.#losses !== this.#state.losses) this.mayHaveHappened = true;
    if (failure === "lost" || failure === "later") this.#retry(error);
    else this.#end(failure, error);
  }

  #end(failure: "full" | "refused", error: unknown): void {
    this.#cause = error;
    if (failure === "refused" && mayBePartial(error)) this.mayHaveHappened = true;
    if (failure === "full" && !this.mayHaveHappened) this.#fail(new CacheFullError());
    else this.giveUp();
  }

  #written(result: T): void {
    const isDoubtful = !this.#wasFresh || this.#losses !== this.#state.losses;
    if (this.#effect === "store" && isDoubtful) this.#recheckDurability(result);
    else this.#confirm(result);
  }

  /** Checks durability again: the command may have reached a different server than the one checked before. */
  #recheckDurability(result: T): void {
    const { durability, isOpen, connection } = this.#state;
    this.mayHaveHappened = true;
    if (!isOpen || connection.status === "end") {
      this.giveUp();
      return;
    }
    durability.refresh().then(
      () => {
        if (this.#isSettled) return;
        if (durability.isSufficient) this.#confirm(result);
        else this.#refuse();
      },
      (error: unknown) => this.#retry(error, () => this.#recheckDurability(result)),
    );
  }

  #retry(error: unknown, again: () => void = () => this.#attempt()): void {
    if (this.#isSettled) return;
    this.#cause = error;
    this.#state.relocate();
    void this.deadline.pause(this.attempts + 1).then(() => {
      if (this.#isSettled) return;
      if (this.deadline.hasPassed) this.giveUp();
      else again();
    });
  }

  #confirm(result: T): void {
    if (this.#state.waitForReplicas === undefined) this.#succeed(result);
    else this.#awaitReplicas(result);
  }

  /** Waits for replicas. After a lost connection the reply is ignored: WAIT ran on a new connection. */
  #awaitReplicas(result: T): void {
    const { connection, waitForReplicas } = this.#state;
    this.mayHaveHappened = true;
    const { count = 0, timeoutMs = 0 } = waitForReplicas ?? {};
    connection.wait(count, timeoutMs).then(
      (replicas) => {
        if (this.#isSettled) return;
        const isConfirmed = Number(replicas) >= count && this.#losses === this.#state.losses;
        if (isConfirmed) this.#succeed(result);
        else this.giveUp();
      },
      (error: unknown) => {
        this.#cause = error;
        if (!this.#isSettled) this.giveUp();
      },
    );
  }

  #succeed(result: T): void {
    this.#isSettled = true;
    this.#state.deadlineTimer.delete(this);
    this.#resolve(result);
  }

  #fail(error: Error): void {
    this.#isSettled = true;
    this.#state.deadlineTimer.delete(this);
    this.#reject(error);
  }
}

function onlyReply(results: [error: Error | null, reply: unknown][] | null): unknown {
  const [error, reply] = results?.[0] ?? [new Error("the pipeline has no result"), undefined];
  if (error !== null) throw error;
  return reply;
}

function ignore(): void {}
