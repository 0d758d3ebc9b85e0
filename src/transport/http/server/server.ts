/** An HTTP server for any protocol over HTTP. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import { Server as NetServer } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { clearTimeout, setTimeout } from "../../../primitives/timers.js";
import type { ConnectionLimit } from "../../limits/limits.js";
import { InFlightLimit } from "../../limits/limits.js";
import { requestsArrived } from "../../limits/not-started.js";
import { schemas } from "../../service/loaded-schemas.js";
import { listen, type ServerAddress } from "../../sockets/listening.js";
import { type ReloadedTls, reloadTls } from "../../sockets/tls-options.js";
import { boundConnections } from "./connections.js";
import { respondToIncoming } from "./node-request.js";
import { onceResponded } from "./on-close.js";
import type { HttpResponder } from "./responder.js";
import type { HttpTlsOptions, ServerSettings } from "./server-options.js";

const MAX_HEADER_BYTES = 16 * 1024;
const LONGEST_CHECK_INTERVAL_MS = 1000;

/** A running server. */
export interface RunningHttpServer extends AsyncDisposable {
  /** The address that it listens on. */
  readonly address: ServerAddress;
  /**
   * Replaces certificates and keys for new connections; existing connections keep theirs. Options that are
   * left
   * out keep their values: `ca`, for example, when `cert` and `key` are renewed.
   *
   * @throws TypeError The server has no TLS, or an option is not one of these.
   * @throws Error A key or a certificate cannot be read, or they do not belong together; nothing has changed.
   */
  reloadTls(tls: ReloadedTls): void;
  /**
   * Responds with 503 and `Connection: close` to requests that have not begun, waits for those in flight (5
   * seconds
   * by default), and closes every connection. The vault stays open.
   */
  stop(): Promise<void>;
}

/** Starts a server that passes every request to `responder`, and resolves once it listens. */
export async function startServer(
  responder: HttpResponder,
  settings: ServerSettings,
): Promise<RunningHttpServer> {
  await schemas.ready();
  return new Running(responder, settings).start();
}

class Running implements RunningHttpServer {
  readonly #server: Server;
  readonly #responder: HttpResponder;
  readonly #settings: ServerSettings;
  readonly #connections: ConnectionLimit;
  readonly #responses = new InFlightLimit(Number.POSITIVE_INFINITY);
  /** The number of connections and requests so far. */
  #arrivals = 0;
  #tls: HttpTlsOptions | undefined;
  #address: ServerAddress | undefined;
  #stopped: Promise<void> | undefined;

  constructor(responder: HttpResponder, settings: ServerSettings) {
    this.#responder = responder;
    this.#settings = settings;
    this.#tls = settings.tls;
    this.#server = newServer(settings);
    this.#connections = boundConnections(this.#server, settings.maxConnections);
    this.#server.on("connection", () => this.#arrivals++);
    this.#server.on("request", (incoming, outgoing) => {
      this.#respond(incoming, outgoing);
    });
    // A client that waits for "100 Continue" gets it only when its body is about to be read.
    this.#server.on("checkContinue", (incoming, outgoing) => {
      this.#respond(incoming, outgoing, () => outgoing.writeContinue());
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

  reloadTls(tls: ReloadedTls): void {
    // A TLS server is an instance of node:https, which extends node:tls.
    const server = this.#server as unknown as TlsServer;
    this.#tls = reloadTls(server, this.#tls, tls);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Refuses requests that have not begun, both those that have arrived and those that arrive later on
   * existing
   * connections. The connections stay open while a request is in flight.
   */
  async #stop(): Promise<void> {
    this.#responder.stop();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#settings.stopTimeoutMs);
    });
    await requestsArrived(() => this.#arrivals);
    // Node's own `close` would cut idle connections at once, together with requests that are already on the
    // network.
    const closed = new Promise((resolve) => stopListening(this.#server, resolve));
    await Promise.race([this.#responses.idle(), patience]);
    await requestsArrived(() => this.#arrivals);
    await Promise.race([this.#responses.idle(), patience]);
    clearTimeout(timer);
    this.#server.closeAllConnections();
    // Node does not count connections in the middle of a handshake.
    this.#connections.destroyAll();
    await closed;
    // The server no longer listens; this stops Node's timer that checks for slow requests.
    this.#server.close();
  }

  #respond(incoming: IncomingMessage, outgoing: ServerResponse, reading?: () => void): void {
    this.#arrivals++;
    onceResponded(incoming, outgoing, this.#responses.enter() ?? (() => undefined));
    const authenticated = () => this.#connections.authenticated(incoming.socket);
    const isLast = () => this.#stopped !== undefined;
    const responseTimeoutMs = this.#settings.requestTimeoutMs;
    const notices = { authenticated, reading, isLast, responseTimeoutMs };
    void respondToIncoming(this.#responder, incoming, outgoing, notices);
  }
}

/** Closes a server for new connections only. A server of Bun is none of `node:net`. */
function stopListening(server: Server, closed: (error?: Error) => void): void {
  if (process.versions["bun"] === undefined) NetServer.prototype.close.call(server, closed);
  else server.close(closed);
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
  // By default Node drops headers beyond 1,000, so a sender could push out the headers that a proxy adds.
  // `maxHeaderSize` limits them instead.
  server.maxHeadersCount = 0;
  // A client that does not read its response must not keep it in memory.
  server.timeout = requestTimeoutMs;
  return server;
}
