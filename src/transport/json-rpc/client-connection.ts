import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "../../primitives/timers.js";
import { rangeFault } from "../../vault/argument-errors.js";
import { RequestTooLargeError } from "../../vault/errors.js";
import { type Asked, aborted } from "../client/lost-response.js";
import { readJsonResponse, writeJson } from "../json/payload-data.js";
import { isDeeperThan, type RpcResponse } from "./client-data.js";
import { ConnectionLostError } from "./connection-lost.js";
import { FrameDecoder, FrameWriter } from "./frames.js";

/** One call that will be sent. */
export interface Outgoing {
  readonly method: Asked;
  readonly params: object;
  readonly signal?: AbortSignal | undefined;
}

/** The limits of a {@link ClientConnection}. */
export interface ClientBounds {
  readonly maxResponseBytes: number;
  readonly maxRequestBytes: number;
  /** Milliseconds from a call to its response. */
  readonly responseTimeoutMs: number;
  /** Milliseconds after which a connection without calls is closed. Shorter than the server's limit. */
  readonly idleTimeoutMs: number;
}

interface Sending {
  readonly id: number;
  readonly text: string;
  readonly signal: AbortSignal | undefined;
  readonly method: Asked;
}

/** The maximum nesting depth of a request. */
const MAX_DEPTH = 64;
const LATE = "no answer in time";

interface Pending {
  wasSent: boolean;
  readonly bytesReadBefore: number;
  readonly resolve: (response: RpcResponse) => void;
  readonly reject: (error: unknown) => void;
}

/** The client's side of one open connection: many calls in flight, with responses in any order. */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #bounds: ClientBounds;
  readonly #decoder: FrameDecoder;
  readonly #writer: FrameWriter;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #isOpen = true;

  constructor(socket: Socket, bounds: ClientBounds) {
    this.#socket = socket;
    this.#bounds = bounds;
    this.#decoder = new FrameDecoder({ maxFrameBytes: bounds.maxResponseBytes });
    this.#writer = new FrameWriter(socket);
    socket
      .on("data", (chunk: Buffer) => this.#receive(chunk))
      .on("error", (error: NodeJS.ErrnoException) => this.lose(error.code ?? "error"))
      .on("end", () => this.lose("ended by the server"))
      .on("close", () => this.lose("closed"))
      .on("timeout", () => this.#idle())
      .setTimeout(bounds.idleTimeoutMs);
    socket.unref();
  }

  /** Whether the connection accepts calls. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Sends a call and returns its response, whether a result or an error.
   *
   * @throws {@link ConnectionLostError} No response will arrive.
   */
  async call({ method, params, signal }: Outgoing): Promise<RpcResponse> {
    const id = this.#nextId++;
    const text = this.#textOf({ jsonrpc: "2.0", id, method, params });
    if (!this.#isOpen) throw new ConnectionLostError("closed", { wasSent: false });
    return await this.#send({ id, text, signal, method });
  }

  /** Refuses here requests that the server would refuse, because its response could not name the call. */
  #textOf(request: object): string {
    if (isDeeperThan(MAX_DEPTH, request)) {
      throw rangeFault("params", "maxDepth", MAX_DEPTH);
    }
    const text = writeJson(request);
    if (Buffer.byteLength(text) > this.#bounds.maxRequestBytes) throw new RequestTooLargeError();
    return text;
  }

  #send({ id, text, signal, method }: Sending): Promise<RpcResponse> {
    return new Promise((resolve, reject) => {
      const bytesReadBefore = this.#socket.bytesRead;
      const timer = setTimeout(() => this.#timeOut(id), this.#bounds.responseTimeoutMs);
      const onAbort = (): void => {
        const error = aborted(method, pending.wasSent, signal?.reason);
        this.#settle(id)?.reject(error);
      };
      const clear = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const pending: Pending = {
        wasSent: false,
        bytesReadBefore,
        resolve: (response) => {
          clear();
          resolve(response);
        },
        reject: (error) => {
          clear();
          reject(error);
        },
      };
      this.#pending.set(id, pending);
      this.#socket.ref();
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#writer.write(text, { handedOver: () => this.#noteSent(pending) });
    });
  }

  /** Aborts the calls in flight, and resolves once the socket is closed. */
  async end(): Promise<void> {
    this.lose("closed by the client");
    if (!this.#socket.closed) await new Promise((resolve) => this.#socket.once("close", resolve));
  }

  /** Closes the connection and rejects every pending call. */
  lose(reason: string, { isLate = false }: { readonly isLate?: boolean } = {}): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#writer.drop();
    this.#socket.destroy();
    for (const [id, { wasSent }] of this.#pending) {
      this.#settle(id)?.reject(new ConnectionLostError(reason, { wasSent, isLate }));
    }
  }

  #noteSent(pending: Pending): void {
    pending.wasSent = true;
  }

  #receive(chunk: Buffer): void {
    this.#decoder.push(chunk);
    try {
      for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
        this.#take(readJsonResponse(frame.toString()));
      }
    } catch {
      this.lose("what the server says is no answer");
    }
  }

  /** Unknown members are ignored. */
  #take(response: unknown): void {
    if (typeof response !== "object" || response === null) return;
    const { id, jsonrpc, result, error } = response as Readonly<Record<string, unknown>>;
    const isError = error !== undefined && error !== null;
    if (typeof id !== "number" && !isError) return;
    const pending = typeof id === "number" ? this.#settle(id) : this.#settleOnly();
    if (pending !== undefined) pending.resolve({ jsonrpc, result, error });
    // An error without an id, such as for a frame that is too long, means that some call was not understood.
    else if (id === null) this.lose("the server refused a call without saying which");
  }

  #settleOnly(): Pending | undefined {
    const [id] = this.#pending.keys();
    return id === undefined || this.#pending.size > 1 ? undefined : this.#settle(id);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#rest();
    return pending;
  }

  /** Nothing is in flight, so the connection no longer keeps the process alive. */
  #rest(): void {
    if (this.#pending.size > 0) return;
    this.#socket.unref();
  }

  #timeOut(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    // If the server has sent nothing since the call, the connection counts as lost. A server that is busy
    // with
    // other calls has sent something.
    if (this.#socket.bytesRead === pending.bytesReadBefore) this.lose(LATE, { isLate: true });
    else {
      const { wasSent } = pending;
      this.#settle(id)?.reject(new ConnectionLostError(LATE, { wasSent, isLate: true }));
    }
  }

  #idle(): void {
    if (this.#pending.size === 0) this.lose("idle");
    else this.#socket.setTimeout(this.#bounds.idleTimeoutMs);
  }
}
