/**
 * Serves a vault as XML-RPC.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { type Caller, LOCAL_CALLER } from "../../auth/authenticator.js";
import {
  RateLimitedError,
  ServiceUnavailableError,
  UnauthenticatedError,
} from "../../vault/errors.js";
import type { Vault } from "../../vault/vault.js";
import { afterReading } from "../incoming.js";
import { ConnectionLimit, FailureLimit, InFlightLimit, RateLimit } from "../limits.js";
import { connectionOf, listen, type ServerAddress } from "../listening.js";
import { VaultService } from "../service.js";
import { answer } from "./exchange.js";
import {
  checkLength,
  checkRequest,
  evidenceOf,
  type HttpRefusal,
  readBody,
  refusalOf,
} from "./http-request.js";
import { readServerOptions, type ServerSettings, type XmlRpcServerOptions } from "./options.js";

/** The port that the original's clients expect. */
const DEFAULT_PORT = 8422;
const MAX_HEADER_BYTES = 16 * 1024;
const HEADERS_TIMEOUT_MS = 5000;
/** How much is read for somebody who showed no credential, where safe views are open. */
const MAX_BODY_BYTES_OF_NOBODY = 64 * 1024;

/** A server that listens. */
export interface XmlRpcServer extends AsyncDisposable {
  readonly address: ServerAddress;
  /** Takes no more requests, gives those in flight 5 seconds, and closes; the vault stays open. */
  stop(): Promise<void>;
}

/**
 * Serves a vault as XML-RPC: `POST` of `text/xml` to `/` or `/RPC2`, the credential in an
 * `Authorization: Bearer` header. Methods are the operations of the vault's service, with or without a
 * `vault.` prefix, and take positional parameters; `system.methodHelp` tells which.
 *
 * What a vault refuses is a fault under HTTP status 200, as the specification has it
 * (http://xmlrpc.com/spec.md); 401, 404, 405, 413, 415, 421, 429 and 503 are HTTP's own.
 *
 * @returns Where it listens, and how to stop it.
 * @throws TypeError An option is missing, unknown or of the wrong kind, or would let other machines read
 *   the traffic or be believed.
 * @throws RangeError An option is out of its bounds.
 * @throws Error The address cannot be listened on.
 *
 * @example
 * ```ts
 * const server = await serveXmlRpc(vault, { auth: trustLocalCallers(), port: 8422 });
 * // …
 * await server.stop();
 * ```
 */
export async function serveXmlRpc(
  vault: Vault,
  options: XmlRpcServerOptions,
): Promise<XmlRpcServer> {
  const settings = readServerOptions(options);
  const { publicSafeViews, gatewayPrincipals, auth, host, path, port, tls } = settings;
  const service = new VaultService(vault, { publicSafeViews, gatewayPrincipals });
  const running = new RunningServer(service, settings);
  const address = await listen(running.server, {
    host,
    path,
    tls,
    port: port ?? (path === undefined ? DEFAULT_PORT : undefined),
    insecureTransport: settings.insecureTransport,
    localOnly: auth.localOnly,
  });
  const stop = () => running.stop();
  return { address, stop, [Symbol.asyncDispose]: stop };
}

/** One server's limits, and what it does with each request. */
class RunningServer {
  readonly server: Server;
  readonly #service: VaultService;
  readonly #settings: ServerSettings;
  readonly #failures: FailureLimit;
  readonly #inFlight: InFlightLimit;
  readonly #connections: ConnectionLimit;
  readonly #sockets = new Set<Socket>();
  readonly #rate: RateLimit | undefined;
  #stopped: Promise<void> | undefined;

  constructor(service: VaultService, settings: ServerSettings) {
    const { requestsPerMinute } = settings;
    this.#service = service;
    this.#settings = settings;
    this.#failures = new FailureLimit({ perMinute: settings.failedAuthenticationsPerMinute });
    this.#inFlight = new InFlightLimit(settings.maxInFlight);
    this.#connections = new ConnectionLimit(settings.maxConnections);
    this.#rate =
      requestsPerMinute === undefined ? undefined : new RateLimit({ perMinute: requestsPerMinute });
    this.server = serverOf(settings);
    // Whoever does not read its answer must not keep it in memory.
    this.server.timeout = settings.requestTimeoutMs;
    // Those that are still shaking hands have their own timeout; the cap is for floods of them.
    this.server.maxConnections = 2 * settings.maxConnections;
    this.server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    const event = settings.tls === undefined ? "connection" : "secureConnection";
    this.server.on(event, (socket: Socket) => this.#connections.admit(socket));
    this.server.on("request", (request, response) => void this.#handle(request, response));
    this.server.on("checkContinue", (request, response) => void this.#handle(request, response));
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, this.#settings.stopTimeoutMs);
    });
    await Promise.race([this.#inFlight.idle(), patience]);
    clearTimeout(timer);
    // Node does not count connections without a request, or in the middle of a handshake, as idle.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Never rejects: what fails is answered. */
  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that goes away is no fault of the server.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const leave = this.#inFlight.enter();
    // Until the answer is with the client, or the client is gone.
    if (leave !== undefined) response.once("close", leave);
    try {
      if (leave === undefined || this.#stopped !== undefined) throw new ServiceUnavailableError();
      checkRequest(request, this.#settings.maxBodyBytes);
      const document = await this.#answer(request, response);
      afterReading(() => send(response, document));
    } catch (error) {
      refuse(response, refusalOf(error));
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<string> {
    const connection = connectionOf(request.socket);
    const retryAfter = this.#failures.retryAfterSeconds(connection);
    if (retryAfter !== undefined) throw new RateLimitedError(retryAfter);
    try {
      const caller = await this.#callerOf(request);
      const { maxBodyBytes } = this.#settings;
      const limit = caller === undefined ? MAX_BODY_BYTES_OF_NOBODY : maxBodyBytes;
      checkLength(request, limit);
      if (request.headers.expect !== undefined) response.writeContinue();
      const document = await readBody(request, limit);
      return await answer(document, (operation, params) =>
        this.#service.call(operation, params, caller),
      );
    } catch (error) {
      if (error instanceof UnauthenticatedError) this.#failures.failed(connection);
      throw error;
    }
  }

  async #callerOf(request: IncomingMessage): Promise<Caller | typeof LOCAL_CALLER | undefined> {
    const caller = await this.#settings.auth.authenticate(evidenceOf(request));
    if (caller === undefined) {
      if (this.#settings.publicSafeViews) return undefined;
      throw new UnauthenticatedError();
    }
    this.#connections.authenticated(request.socket);
    const principal = caller === LOCAL_CALLER ? caller : caller.principal;
    const retryAfter = this.#rate?.retryAfterSeconds(principal);
    if (retryAfter !== undefined) throw new RateLimitedError(retryAfter);
    this.#rate?.count(principal);
    return caller;
  }
}

function serverOf({ tls, requestTimeoutMs, idleTimeoutMs }: ServerSettings): Server {
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, requestTimeoutMs / 2),
    noDelay: true,
    insecureHTTPParser: false,
  };
  if (tls === undefined) return createServer(limits);
  const server = createTlsServer({
    minVersion: "TLSv1.2",
    handshakeTimeout: HEADERS_TIMEOUT_MS,
    ...tls,
    ...limits,
  });
  // A failed handshake is the other end's affair.
  return server.on("tlsClientError", (_, socket) => socket.destroy());
}

function send(response: ServerResponse, document: string): void {
  const headers = { "Content-Type": "text/xml; charset=utf-8" };
  write(response, { status: 200, headers, body: document });
}

/** Whatever else the client meant to send is not read: the connection ends with the answer. */
function refuse(response: ServerResponse, { status, headers, message }: HttpRefusal): void {
  const type = { "Content-Type": "text/plain; charset=utf-8", Connection: "close" };
  write(response, { status, headers: { ...type, ...headers }, body: `${message}\n` });
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function write(response: ServerResponse, { status, headers, body }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    ...headers,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}
