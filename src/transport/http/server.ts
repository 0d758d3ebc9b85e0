/** A vault behind an HTTP server of its own. */
import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Vault } from "../../vault/vault.js";
import { InFlightLimit } from "../limits.js";
import { listen, type ServerAddress } from "../listening.js";
import { schemas } from "../loaded-schemas.js";
import { HttpAnswers } from "./answering.js";
import { boundConnections } from "./connections.js";
import { answerIncoming } from "./node.js";
import { readHandlerOptions } from "./options.js";
import {
  type HttpServerOptions,
  readServerOptions,
  SERVER_OPTIONS,
  type ServerSettings,
} from "./server-options.js";

const STOP_MS = 5000;
const MAX_HEADER_BYTES = 16 * 1024;
const LONGEST_CHECK_INTERVAL_MS = 1000;

/** A server that runs. */
export interface RunningHttpServer extends AsyncDisposable {
  /** Where it listens. */
  readonly address: ServerAddress;
  /**
   * Takes no more requests, finishes those in flight within 5 seconds, and closes every connection. The
   * vault stays open.
   */
  stop(): Promise<void>;
}

/**
 * Serves a vault over HTTP, and resolves once it listens.
 *
 * @throws TypeError RangeError An option is wrong, there is no `auth`, or other machines could read the
 *   traffic or claim to be this one.
 * @throws {@link PeerMissingError} {@link PeerBrokenError} The package zod does not load.
 * @throws Error The address is in use or cannot be had; `code` says why, as `node:net` does.
 *
 * @example
 * ```ts
 * const server = await serveHttp(vault, { auth: tokenAuth(…), port: 0 });
 * const remote = VaultClient.http(`http://127.0.0.1:${server.address.port}`, { token });
 * await server.stop();
 * ```
 */
export async function serveHttp(
  vault: Vault,
  options: HttpServerOptions,
): Promise<RunningHttpServer> {
  const settings = readServerOptions(options);
  const answers = new HttpAnswers(vault, readHandlerOptions(settings.handler, SERVER_OPTIONS));
  await schemas.ready();
  const running = new Running(answers, settings);
  return running.start();
}

class Running implements RunningHttpServer {
  readonly #server: Server;
  readonly #settings: ServerSettings;
  readonly #responses = new InFlightLimit(Number.POSITIVE_INFINITY);
  #address: ServerAddress | undefined;
  #stopped: Promise<void> | undefined;

  constructor(answers: HttpAnswers, settings: ServerSettings) {
    this.#settings = settings;
    this.#server = newServer(settings, (incoming, outgoing) => {
      outgoing.once("close", this.#responses.enter() ?? (() => undefined));
      if (this.#stopped !== undefined) outgoing.shouldKeepAlive = false;
      void answerIncoming(answers, incoming, outgoing, () => authenticated(incoming.socket));
    });
    const authenticated = boundConnections(this.#server, settings.maxConnections);
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
      timer = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([this.#responses.idle(), patience]);
    clearTimeout(timer);
    this.#server.closeAllConnections();
    await closed;
  }
}

function newServer(settings: ServerSettings, answer: RequestListener): Server {
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
      ? createServer(options, answer)
      : createSecureServer({ ...options, ...tls, handshakeTimeout: headersTimeoutMs }, answer);
  // Whoever does not read its answer must not keep it in memory.
  server.timeout = requestTimeoutMs;
  return server;
}
