import { connect, type NetConnectOpts, type Socket } from "node:net";
import { FrameDecoder, frameOf } from "../../../src/transport/json-rpc/frames.js";
import type { ServerAddress } from "../../../src/transport/sockets/listening.js";

/** A response, as received. */
export interface Answer {
  readonly jsonrpc?: string;
  readonly id: unknown;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** The client end of a server's connection, which may send any bytes. */
export class RawPeer {
  readonly socket: Socket;
  readonly #decoder = new FrameDecoder({ maxFrameBytes: 2 ** 30 });
  readonly #answers: string[] = [];
  #waiting: (() => void)[] = [];
  #isClosed = false;
  #nextId = 1;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      this.#decoder.push(chunk);
      for (let frame = this.#decoder.next(); frame; frame = this.#decoder.next()) {
        this.#answers.push(frame.toString());
      }
      this.#wake();
    });
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  static async to(address: ServerAddress, options: Partial<NetConnectOpts> = {}): Promise<RawPeer> {
    const socket = connect({ ...(address as NetConnectOpts), ...options });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
    });
    return new RawPeer(socket);
  }

  /** Sends a message as a frame. */
  send(message: unknown): void {
    this.socket.write(frameOf(typeof message === "string" ? message : JSON.stringify(message)));
  }

  /** Sends a request and returns the next response. */
  async ask(method: string, params?: object, members: object = {}): Promise<Answer> {
    this.send({ jsonrpc: "2.0", method, params, id: this.#nextId++, ...members });
    return await this.next();
  }

  /** Returns the next response's text; `undefined` if the connection closes instead. */
  async nextText(): Promise<string | undefined> {
    while (this.#answers.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#answers.shift();
  }

  async next(): Promise<Answer> {
    const text = await this.nextText();
    if (text === undefined) throw new Error("the connection was closed");
    return JSON.parse(text) as Answer;
  }

  /** Returns all responses until the connection closes. */
  async rest(): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let text = await this.nextText(); text !== undefined; text = await this.nextText()) {
      answers.push(JSON.parse(text) as Answer);
    }
    return answers;
  }

  /** Resolves once the connection is closed. */
  async closed(): Promise<void> {
    while (!this.#isClosed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
