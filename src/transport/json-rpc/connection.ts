import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "../../primitives/timers.js";
import { RequestTooLargeError, ServiceUnavailableError } from "../../vault/errors.js";
import { type ByteBudget, Reservation } from "../limits/byte-budget.js";
import { isLarge, othersTurn } from "../limits/large.js";
import { requestsArrived } from "../limits/not-started.js";
import { connectionOf } from "../sockets/listening.js";
import { FrameDecoder, type FramePart, FrameWriter } from "./frames.js";
import {
  errorResponse,
  type Perform,
  readFrame,
  requestsIn,
  respondToMessage,
} from "./messages.js";
import type { AllLimits } from "./rpc-limits.js";
import { Session, type SessionContext } from "./session.js";

/** The state that all connections of one server share. */
export interface ServerContext extends SessionContext {
  readonly limits: AllLimits;
  /** The byte budget for frames that are received or in progress, and for responses that are not yet sent. */
  readonly bytes: ByteBudget;
  /** The budget for requests in flight. */
  readonly requests: ByteBudget;
  /** Called once a connection is authenticated. */
  readonly onAuthenticated: (socket: Socket) => void;
}

/** How long a closing connection may take to receive its last response. */
const LINGER_MS = 1000;

/** The server's side of one connection. */
export class ServerConnection {
  readonly #socket: Socket;
  readonly #context: ServerContext;
  readonly #session: Session;
  readonly #decoder: FrameDecoder;
  readonly #writer: FrameWriter;
  readonly #retry = (): void => this.#pump();
  #inFlight = 0;
  /** While true, no frame is processed, because the previous one decides who the caller is. */
  #isGated = true;
  #isEnding = false;
  #isStopping = false;
  /** While true, the connection waits for data that had already arrived when the server stopped. */
  #isLooking = false;
  #isKnown = false;
  #authenticationTimer: NodeJS.Timeout | undefined;
  #frameTimer: NodeJS.Timeout | undefined;
  #fetchTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, context: ServerContext) {
    this.#socket = socket;
    this.#context = context;
    this.#session = new Session(context, connectionOf(socket));
    this.#writer = new FrameWriter(socket);
    this.#decoder = new FrameDecoder({
      maxFrameBytes: context.limits.maxUnauthenticatedFrameBytes,
      reserve: (bytes, part) => this.#reserve(bytes, part),
    });
  }

  /** Starts to process frames. */
  async start(): Promise<void> {
    const { authenticationTimeoutMs, idleTimeoutMs } = this.#context.limits;
    this.#authenticationTimer = setTimeout(() => this.#socket.destroy(), authenticationTimeoutMs);
    this.#socket
      .on("error", () => this.#socket.destroy())
      .on("close", () => this.#release())
      .on("end", () => this.end())
      .on("timeout", () => this.#idle())
      .setTimeout(idleTimeoutMs);
    await this.#session.greet();
    this.#isGated = false;
    this.#noteAuthentication();
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#pump();
  }

  /** Refuses requests that have not begun, including later ones, while others are in flight; then closes. */
  stop(): void {
    this.#isStopping = true;
    this.#pump();
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (this.#inFlight > 0 || this.#isLooking) return;
    this.#isLooking = true;
    void requestsArrived().then(() => {
      this.#isLooking = false;
      if (this.#inFlight === 0) this.end();
    });
  }

  /** Accepts no more requests, finishes those in flight, and closes. */
  end(): void {
    this.#isEnding = true;
    clearTimeout(this.#frameTimer);
    this.#socket.resume();
    if (this.#inFlight === 0) this.#finish();
  }

  #receive(chunk: Buffer): void {
    // Later data is read and discarded: closing with unread data would reset the connection and lose the last
    // response.
    if (this.#isEnding) return;
    this.#decoder.push(chunk);
    this.#pump();
  }

  /**
   * Reserves bytes for a frame, only as they arrive and not as announced. A frame that has begun does not
   * wait
   * without a limit. A frame that is complete in one piece waits until responses are sent, but not for other
   * frames
   * that arrive slowly.
   */
  #reserve(bytes: number, part: FramePart): boolean {
    const room = this.#context.bytes;
    if (part === "beginning") return room.take(bytes);
    if (part === "more") return room.reserveRest(bytes, this);
    if (room.isOverdrawn) return false;
    room.draw(bytes);
    return true;
  }

  #pump(): void {
    if (this.#isEnding || this.#socket.destroyed) return;
    try {
      while (!this.#isHeld()) {
        const frame = this.#decoder.next();
        if (frame === undefined) break;
        clearTimeout(this.#frameTimer);
        this.#frameTimer = undefined;
        this.#context.bytes.finished(this);
        this.#accept(frame);
        if (this.#isEnding) return;
      }
    } catch {
      this.#refuse(new RequestTooLargeError());
      return;
    }
    this.#adjust();
  }

  get #unsentBytes(): number {
    return this.#socket.writableLength + this.#writer.waitingBytes;
  }

  #isHeld(): boolean {
    const { maxInFlightPerConnection, maxUnsentBytes } = this.#context.limits;
    if (this.#isEnding || this.#unsentBytes > maxUnsentBytes) return true;
    // A request that will be refused need not wait for others.
    if (this.#isStopping) return false;
    const isFull = this.#inFlight >= maxInFlightPerConnection;
    return this.#isGated || isFull || this.#context.requests.isOverdrawn;
  }

  /** Pauses or resumes reading, and starts the time limit of a frame that has begun. */
  #adjust(): void {
    const isWaiting = this.#decoder.isWaiting;
    if (isWaiting) this.#context.bytes.whenGivenBack(this.#retry);
    if (this.#context.requests.isOverdrawn) this.#context.requests.whenGivenBack(this.#retry);
    if (isWaiting || this.#isHeld()) {
      this.#socket.pause();
      clearTimeout(this.#frameTimer);
      this.#frameTimer = undefined;
      return;
    }
    this.#socket.resume();
    if (!this.#decoder.isMidFrame) return;
    this.#frameTimer ??= setTimeout(
      () => this.#socket.destroy(),
      this.#context.limits.frameTimeoutMs,
    );
  }

  #accept(frame: Buffer): void {
    const bytes = frame.length;
    let message: unknown;
    try {
      message = readFrame(frame);
    } catch (error) {
      this.#send(errorResponse(error, null));
      this.#context.bytes.giveBack(bytes);
      return;
    }
    const requests = requestsIn(message);
    this.#inFlight += requests;
    this.#context.requests.draw(requests);
    // Until the caller is known, and while it changes, the next frame waits.
    const isGating = !this.#isKnown || isAuthenticate(message);
    if (isGating) this.#isGated = true;
    // A failure to make the response closes the connection, and does not end the process.
    const answered = this.#respond(message, frame).catch(() => this.#socket.destroy());
    void answered.finally(() => {
      this.#inFlight -= requests;
      if (isGating) this.#isGated = false;
      this.#noteAuthentication();
      if (this.#session.hasFailed) this.end();
      this.#context.requests.giveBack(requests);
      this.#context.bytes.giveBack(bytes);
      if (this.#isEnding && this.#inFlight === 0) this.#finish();
      this.#pump();
      if (this.#isStopping) this.#endWhenIdle();
    });
  }

  async #respond(message: unknown, frame: Buffer): Promise<void> {
    const { bytes } = this.#context;
    const isBatch = Array.isArray(message);
    const perform = this.#session.performer({ isBatch });
    if (isLarge(frame)) await othersTurn();
    const produced = new Reservation(bytes);
    const performInRoom: Perform = async (request) => {
      // The responses to a batch are kept until its last one, so a batch must not continue over the budget.
      if (isBatch && request.id !== undefined && bytes.isOverdrawn) {
        throw new ServiceUnavailableError();
      }
      return await perform(request);
    };
    try {
      const text = await respondToMessage(message, performInRoom, (response) => {
        produced.draw(Buffer.byteLength(response));
      });
      if (text !== undefined) this.#send(text);
    } finally {
      produced.giveBack();
    }
  }

  #send(text: string): void {
    if (this.#socket.destroyed) return;
    const { bytes, limits } = this.#context;
    if (bytes.isOverdrawn && this.#unsentBytes > limits.maxUnsentBytes) {
      // The server's budget is exhausted, and this client does not receive its responses.
      this.#socket.destroy();
      return;
    }
    let length = 0;
    const done = (): void => {
      bytes.giveBack(length);
      this.#boundFetching();
      // A socket emits "drain" only after one of its writes reported a full buffer.
      if (this.#socket.isPaused()) this.#pump();
    };
    length = this.#writer.write(text, { done });
    bytes.draw(length);
    if (this.#fetchTimer === undefined) this.#boundFetching();
  }

  /** A client that receives its responses very slowly must not keep them in memory without a limit. */
  #boundFetching(): void {
    clearTimeout(this.#fetchTimer);
    const { frameTimeoutMs } = this.#context.limits;
    this.#fetchTimer =
      this.#unsentBytes === 0
        ? undefined
        : setTimeout(() => this.#socket.destroy(), frameTimeoutMs);
  }

  #noteAuthentication(): void {
    if (this.#isKnown || !this.#session.isAuthenticated) return;
    this.#isKnown = true;
    clearTimeout(this.#authenticationTimer);
    this.#decoder.maxFrameBytes = this.#context.limits.maxFrameBytes;
    this.#context.onAuthenticated(this.#socket);
  }

  /** Sends the reason why the stream cannot be read further, and closes. */
  #refuse(error: unknown): void {
    this.#send(errorResponse(error, null));
    this.end();
  }

  #finish(): void {
    if (this.#socket.destroyed || this.#lingerTimer !== undefined) return;
    this.#writer.flush();
    this.#socket.end();
    this.#lingerTimer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
  }

  /**
   * Called when nothing was sent or received for a while. That is allowed only while a request is in flight.
   */
  #idle(): void {
    const isWorking = this.#inFlight > 0 && this.#socket.writableLength === 0;
    if (!isWorking) this.#socket.destroy();
    else this.#socket.setTimeout(this.#context.limits.idleTimeoutMs);
  }

  #release(): void {
    this.#isEnding = true;
    this.#context.bytes.forget(this.#retry);
    this.#context.requests.forget(this.#retry);
    this.#context.bytes.finished(this);
    this.#context.bytes.giveBack(this.#decoder.reservedBytes);
    this.#writer.drop();
    for (const timer of [
      ...[this.#authenticationTimer, this.#frameTimer],
      ...[this.#fetchTimer, this.#lingerTimer],
    ]) {
      clearTimeout(timer);
    }
  }
}

function isAuthenticate(message: unknown): boolean {
  if (typeof message !== "object" || message === null) return false;
  const { method } = message as { method?: unknown };
  return method === "authenticate" || method === "vault.authenticate";
}
