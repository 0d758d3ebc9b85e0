/** A server of HTTP, whatever is said over it. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import { ServiceUnavailableError } from "../../vault/errors.js";
import type { ConnectionLimit } from "../limits.js";
import { InFlightLimit } from "../limits.js";
import { listen, type ServerAddress } from "../listening.js";
import { schemas } from "../loaded-schemas.js";
import { whenAnswered } from "./answered.js";
import type { HttpAnswers } from "./answers.js";
import { boundConnections } from "./connections.js";
import { answerIncoming, requestOf, sendAnswer } from "./node-request.js";
import type { ServerSettings } from "./server-options.js";

const MAX_HEADER_BYTES = 16 * 1024;
const LONGEST_CHECK_INTERVAL_MS = 1000;

/** A server that runs. */
export interface RunningHttpServer extends AsyncDisposable {
  /** Where it listens. */
  readonly address: ServerAddress;
  /**
   * Takes no more requests, gives those in flight 5 seconds to finish unless told otherwise, and closes
   * every connection. The vault stays open.
   */
  stop(): Promise<void>;
}

/** Starts a server that answers every request by `answers`, and resolves once it listens. */
export async function startServer(
  answers: HttpAnswers,
  settings: ServerSettings,
): Promise<RunningHttpServer> {
  await schemas.ready();
  return new Running(answers, settings).start();
}

class Running implements RunningHttpServer {
  readonly #server: Server;
  readonly #settings: ServerSettings;
  readonly #connections: ConnectionLimit;
  readonly #responses = new InFlightLimit(Number.POSITIVE_INFINITY);
  #address: ServerAddress | undefined;
  #stopped: Promise<void> | undefined;

  constructor(answers: HttpAnswers, settings: ServerSettings) {
    this.#settings = settings;
    this.#server = newServer(settings);
    this.#connections = boundConnections(this.#server, settings.maxConnections);
    this.#server.on("request", (incoming, outgoing) => {
      this.#answer(answers, incoming, outgoing);
    });
    // Whoever asks before sending a body is told to go on only when it is about to be read.
    this.#server.on("checkContinue", (incoming, outgoing) => {
      this.#answer(answers, incoming, outgoing, () => outgoing.writeContinue());
    });
  }

  get address(): ServerAddress {
    if (this.#address === undefined) throw new TypeError("the server does not listen");
    return this.#address;
  }

  async start(): Promise<this> {
    this.#address = await listen(this.#server, this.#settings.listening);
    return this;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, this.#settings.stopTimeoutMs);
    });
    await Promise.race([this.#responses.idle(), patience]);
    clearTimeout(timer);
    this.#server.closeAllConnections();
    // Node does not count connections in the middle of a handshake.
    this.#connections.destroyAll();
    await closed;
  }

  #answer(
    answers: HttpAnswers,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    reading?: () => void,
  ): void {
    whenAnswered(incoming, outgoing, this.#responses.enter() ?? (() => undefined));
    if (this.#stopped !== undefined) {
      // Its answer would be lost: what was asked for before ends the connection.
      refuse(answers, incoming, outgoing);
      return;
    }
    const authenticated = () => this.#connections.authenticated(incoming.socket);
    const answerTimeoutMs = this.#settings.requestTimeoutMs;
    void answerIncoming(answers, incoming, outgoing, { authenticated, reading, answerTimeoutMs });
  }
}

function refuse(answers: HttpAnswers, incoming: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.shouldKeepAlive = false;
  const refusal = answers.refusal(new ServiceUnavailableError(), requestOf(incoming));
  sendAnswer(incoming, outgoing, refusal);
}

function newServer(settings: ServerSettings): Server {
  const { headersTimeoutMs, requestTimeoutMs, idleTimeoutMs, tls } = settings;
  const options: ServerOptions = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    connectionsCheckingInterval: Math.min(LONGEST_CHECK_INTERVAL_MS, headersTimeoutMs / 2),
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
  };
  const server =
    tls === undefined
      ? createServer(options)
      : createSecureServer({ ...options, ...tls, handshakeTimeout: headersTimeoutMs });
  // Node would drop what is beyond 1,000 headers, and a sender could crowd out what a proxy says of it;
  // `maxHeaderSize` bounds them instead.
  server.maxHeadersCount = 0;
  // A client that does not read its answer must not keep it in memory.
  server.timeout = requestTimeoutMs;
  return server;
}
