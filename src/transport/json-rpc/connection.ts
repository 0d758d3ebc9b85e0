import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "../../primitives/timers.js";
import { RequestTooLargeError, ServiceUnavailableError } from "../../vault/errors.js";
import { type Allowance, Share } from "../limits/byte-budget.js";
import { isLarge, othersTurn } from "../limits/large.js";
import { whatArrived } from "../limits/not-started.js";
import { connectionOf } from "../sockets/listening.js";
import { FrameDecoder, type FramePart, FrameWriter } from "./frames.js";
import { answerMessage, errorAnswer, type Perform, readFrame, requestsIn } from "./messages.js";
import type { AllLimits } from "./rpc-limits.js";
import { Session, type SessionContext } from "./session.js";

/** What the connections of one server share. */
export interface ServerContext extends SessionContext {
  readonly limits: AllLimits;
  /** Bytes of frames that are being received or answered, and of answers not taken. */
  readonly bytes: Allowance;
  /** Requests in flight. */
  readonly requests: Allowance;
  /** Called once a connection has shown who uses it. */
  readonly onAuthenticated: (socket: Socket) => void;
}

/** So long a connection that is being ended may take to fetch its last answer. */
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
  /** While true no frame is taken: the one before decides who is calling. */
  #isGated = true;
  #isEnding = false;
  #isStopping = false;
  /** While true it is awaited what has arrived for a last time. */
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

  /** Begins to serve. */
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

  /**
   * Refuses requests that have not begun, those that still come included, as long as others are in
   * flight; then closes.
   */
  stop(): void {
    this.#isStopping = true;
    this.#pump();
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (this.#inFlight > 0 || this.#isLooking) return;
    this.#isLooking = true;
    void whatArrived().then(() => {
      this.#isLooking = false;
      if (this.#inFlight === 0) this.end();
    });
  }

  /** Takes no more requests, finishes those in flight, and closes. */
  end(): void {
    this.#isEnding = true;
    clearTimeout(this.#frameTimer);
    this.#socket.resume();
    if (this.#inFlight === 0) this.#finish();
  }

  #receive(chunk: Buffer): void {
    // What arrives meanwhile is thrown away: an unread rest would reset the last answer.
    if (this.#isEnding) return;
    this.#decoder.push(chunk);
    this.#pump();
  }

  /**
   * What was only announced takes no room, a frame that has begun does not wait for ever, and one that
   * is there in a single piece waits for answers to be taken, but not for others that are slow to come.
   */
  #reserve(bytes: number, part: FramePart): boolean {
    const room = this.#context.bytes;
    if (part === "beginning") return room.take(bytes);
    if (part === "more") return room.takeMore(bytes, this);
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
    // What is only refused need not wait for others.
    if (this.#isStopping) return false;
    const isFull = this.#inFlight >= maxInFlightPerConnection;
    return this.#isGated || isFull || this.#context.requests.isOverdrawn;
  }

  /** Reads on or not, and gives a frame that has begun its time. */
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
      this.#send(errorAnswer(error, null));
      this.#context.bytes.giveBack(bytes);
      return;
    }
    const requests = requestsIn(message);
    this.#inFlight += requests;
    this.#context.requests.draw(requests);
    // Until it is known who is calling, and while that changes, the frame after this one waits.
    const isGating = !this.#isKnown || isAuthenticate(message);
    if (isGating) this.#isGated = true;
    // An answer that cannot be made ends the connection, never the process.
    const answered = this.#answer(message, frame).catch(() => this.#socket.destroy());
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

  async #answer(message: unknown, frame: Buffer): Promise<void> {
    const { bytes } = this.#context;
    const isBatch = Array.isArray(message);
    const perform = this.#session.performer({ isBatch });
    if (isLarge(frame)) await othersTurn();
    const produced = new Share(bytes);
    const performInRoom: Perform = async (request) => {
      // The answers to a batch wait for its last one, and must not do so in room that there is not.
      if (isBatch && request.id !== undefined && bytes.isOverdrawn) {
        throw new ServiceUnavailableError();
      }
      return await perform(request);
    };
    try {
      const text = await answerMessage(message, performInRoom, (answer) => {
        produced.draw(Buffer.byteLength(answer));
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
      // The server has no room left, and this connection does not take what it asked for.
      this.#socket.destroy();
      return;
    }
    let length = 0;
    const done = (): void => {
      bytes.giveBack(length);
      this.#boundFetching();
      // A socket tells of a drain only what it called full itself.
      if (this.#socket.isPaused()) this.#pump();
    };
    length = this.#writer.write(text, { done });
    bytes.draw(length);
    if (this.#fetchTimer === undefined) this.#boundFetching();
  }

  /** Who fetches a little now and then must not keep answers in memory. */
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

  /** Tells why the stream cannot be read on, and closes. */
  #refuse(error: unknown): void {
    this.#send(errorAnswer(error, null));
    this.end();
  }

  #finish(): void {
    if (this.#socket.destroyed || this.#lingerTimer !== undefined) return;
    this.#writer.flush();
    this.#socket.end();
    this.#lingerTimer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
  }

  /** Nothing was sent or received for a while: that is fine only while a request is in flight. */
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
