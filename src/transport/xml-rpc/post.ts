/** Sends one document and returns the answer, over a connection that is kept for the next one. */
import { Buffer } from "node:buffer";
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { withoutPath } from "../../primitives/causes.js";
import type { ClientSettings } from "./client-options.js";

/** How long a connection is kept without use: shorter than servers keep it. */
const IDLE_MS = 4000;

/** An answer, whatever it says. */
export interface Answer {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly body: Uint8Array;
}

/** Why there is no answer. */
export class PostError extends Error {
  /** Whether the connection was made, so that the server may have read the request. */
  readonly wasSent: boolean;
  /** Whether the connection had served before: the server may have closed it meanwhile. */
  readonly wasReused: boolean;
  /** Whether time ran out, so that another try would take as long. */
  readonly isTimeout: boolean;
  constructor(state: Pick<PostError, "wasSent" | "wasReused" | "isTimeout">, cause: unknown) {
    super("There is no answer.", { cause: withoutPath(cause) });
    this.wasSent = state.wasSent;
    this.wasReused = state.wasReused;
    this.isTimeout = state.isTimeout;
  }
}

/** What one post is made of. */
export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Posts documents to one server. The agent is its own: no proxy and nothing shared. */
export class Poster {
  readonly #settings: ClientSettings;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(settings: ClientSettings) {
    const options = { keepAlive: true, maxSockets: settings.maxConnections, timeout: IDLE_MS };
    this.#settings = settings;
    this.#agent =
      settings.url.protocol === "https:"
        ? new HttpsAgent({ minVersion: "TLSv1.2", ...settings.tls, ...options })
        : new HttpAgent(options);
  }

  /**
   * @throws {@link PostError} There is no answer.
   * @throws The signal's reason, if it gave the call up.
   */
  post(document: Buffer, options: PostOptions): Promise<Answer> {
    const { signal } = options;
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const post = new Post(this.#request(document, options), this.#settings);
      const abort = () => post.fail(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      post.answer.then(resolve, reject).finally(() => signal?.removeEventListener("abort", abort));
      post.send(document);
    });
  }

  /** Ends all connections. */
  close(): void {
    this.#agent.destroy();
  }

  #request(document: Buffer, { headers }: PostOptions): ClientRequest {
    const { url, path: socketPath } = this.#settings;
    const options: RequestOptions = {
      agent: this.#agent,
      method: "POST",
      path: url.pathname,
      headers: { ...headers, Host: url.host, "Content-Length": document.length },
    };
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    if (socketPath !== undefined) return send({ ...options, socketPath });
    // A URL writes IPv6 addresses in brackets, which are no part of them.
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    return send({ ...options, hostname, ...(url.port === "" ? {} : { port: url.port }) });
  }
}

/** One request under way. */
class Post {
  readonly answer: Promise<Answer>;
  readonly #request: ClientRequest;
  readonly #settings: ClientSettings;
  #resolve: (answer: Answer) => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #wasSent = false;
  #isTimeout = false;

  constructor(request: ClientRequest, settings: ClientSettings) {
    this.#request = request;
    this.#settings = settings;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    request.on("socket", (socket) => this.#onSocket(socket));
    request.on("response", (response) => void this.#onResponse(response));
    request.on("error", (error) => this.fail(this.#errorOf(error)));
  }

  send(document: Buffer): void {
    this.#request.end(document);
  }

  /** Ends the request; the first outcome stays. */
  fail(reason: unknown): void {
    clearTimeout(this.#timer);
    this.#reject(reason);
    this.#request.destroy();
  }

  #onSocket(socket: Socket): void {
    if (this.#request.reusedSocket) {
      this.#onConnected();
      return;
    }
    this.#limit(this.#settings.connectTimeoutMs);
    const isTls = this.#settings.url.protocol === "https:";
    socket.once(isTls ? "secureConnect" : "connect", () => this.#onConnected());
  }

  #onConnected(): void {
    this.#wasSent = true;
    this.#limit(this.#settings.readTimeoutMs);
  }

  #limit(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isTimeout = true;
      this.fail(this.#errorOf(undefined));
    }, milliseconds);
  }

  async #onResponse(response: IncomingMessage): Promise<void> {
    try {
      const body = await readAnswer(response, this.#settings.maxAnswerBytes);
      clearTimeout(this.#timer);
      const { statusCode = 0, headers } = response;
      const retryAfter = Number(headers["retry-after"] ?? Number.NaN);
      const retryAfterSeconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
      this.#resolve({ status: statusCode, retryAfterSeconds, body });
    } catch (error) {
      this.fail(this.#errorOf(error));
    }
  }

  #errorOf(cause: unknown): PostError {
    const wasReused = this.#request.reusedSocket;
    return new PostError({ wasSent: this.#wasSent, wasReused, isTimeout: this.#isTimeout }, cause);
  }
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response) {
    length += (part as Buffer).length;
    if (length > maxBytes) throw new RangeError("The answer is larger than maxAnswerBytes.");
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts, length);
}
