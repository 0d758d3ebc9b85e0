/**
 * Serves a vault as JSON-RPC 2.0 over TCP, TLS or a Unix socket.
 *
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type TlsOptions,
  type Server as TlsServer,
} from "node:tls";
import type { Authenticator } from "../../auth/authenticator.js";
import { clearTimeout, setTimeout } from "../../primitives/timers.js";
import {
  type OptionsTable,
  readOptions,
  required,
  such,
  type WithDefaults,
} from "../../vault/options.js";
import type { Vault } from "../../vault/vault.js";
import { ByteBudget } from "../limits/byte-budget.js";
import { FailureLimit } from "../limits/failure-limit.js";
import { ConnectionLimit, RateLimit } from "../limits/limits.js";
import { NotBegun, requestsArrived } from "../limits/not-started.js";
import { ErrorReports, type OnError } from "../service/error-reports.js";
import { schemas } from "../service/loaded-schemas.js";
import { VaultService } from "../service/service.js";
import {
  checkOneAddress,
  LISTEN_OPTIONS,
  listen,
  type ServerAddress,
} from "../sockets/listening.js";
import { type ReloadedTls, reloadTls, withLeastVersion } from "../sockets/tls-options.js";
import { ServerConnection, type ServerContext } from "./connection.js";
import { type AllLimits, checkBudget, type JsonRpcLimits, LIMITS } from "./rpc-limits.js";

/** The port that the original's clients expect. */
const DEFAULT_PORT = 8423;
const KEEP_ALIVE_MS = 15_000;

/** The address, authentication and limits of a JSON-RPC server. */
export interface JsonRpcServerOptions extends JsonRpcLimits {
  /** Identifies the caller; there is no default. */
  readonly auth: Authenticator;
  /** Default `"127.0.0.1"`. */
  readonly host?: string | undefined;
  /** Default 8423; 0 for a free port. */
  readonly port?: number | undefined;
  /** A Unix socket instead of host and port. */
  readonly path?: string | undefined;
  /** Certificate and key, as in `node:tls`. TLS 1.2 is the minimum. */
  readonly tls?: TlsOptions | undefined;
  /** Allows a listener for other machines without TLS. */
  readonly insecureTransport?: boolean | undefined;
  /** Allows safe views without a credential. Default false. */
  readonly publicSafeViews?: boolean | undefined;
  /** The only principals that may unseal; with an empty list no principal may. Default: no such limit. */
  readonly gatewayPrincipals?: readonly string[] | undefined;
  /**
   * Called with each error that gets an "internal error" response and is not from this library. Default:
   * `process.emitWarning` with the error's name and the request id.
   */
  readonly onError?: OnError | undefined;
}

/** A running server. */
export interface JsonRpcServer extends AsyncDisposable {
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
   * Refuses requests that have not begun, waits 5 seconds for those in flight, and closes; the vault stays
   * open.
   */
  stop(): Promise<void>;
}

const OPTIONS: OptionsTable<
  AllLimits & WithDefaults<Omit<JsonRpcServerOptions, keyof JsonRpcLimits>>
> = {
  ...LIMITS,
  ...LISTEN_OPTIONS,
  auth: required(
    such<Authenticator>(
      "an authenticator such as tokenAuth({ tokens }), an object",
      "authenticate",
    ),
  ),
  publicSafeViews: (value) => value as boolean | undefined,
  gatewayPrincipals: (value) => value as readonly string[] | undefined,
  onError: (value) => value as OnError | undefined,
};

/**
 * Serves a vault as JSON-RPC 2.0. Each message is preceded by its length in four bytes, most significant
 * first. Methods are the operations of the vault's service, with or without a `vault.` prefix, and
 * `authenticate {token}`. Alternatively, a request may contain a credential in its member `authorization`.
 *
 * @returns The address of the server, and a method to stop it.
 * @throws TypeError An option is missing, unknown or of the wrong type, or would let other machines read
 * the traffic or be trusted as local.
 * @throws RangeError An option is out of range.
 * @throws PeerMissingError `PeerBrokenError` The package zod does not load.
 * @throws Error The server cannot listen on the address.
 *
 * @example
 * ```ts
 * const server = await serveJsonRpc(vault, { auth: trustLocalCallers(), path: "/run/vault/rpc.sock" });
 * // …
 * await server.stop();
 * ```
 */
export async function serveJsonRpc(
  vault: Vault,
  options: JsonRpcServerOptions,
): Promise<JsonRpcServer> {
  const settings = readOptions(options, OPTIONS);
  const { auth, publicSafeViews, gatewayPrincipals, host, port, path, tls } = settings;
  checkOneAddress(settings);
  checkBudget(settings);
  const reports = new ErrorReports(settings.onError);
  const service = new VaultService(vault, { publicSafeViews, gatewayPrincipals, reports });
  const connections = new Connections(settings, { service, auth, reports });
  await schemas.ready();
  const server = serverOf(tls, connections);
  const address = await listen(server, {
    host,
    path,
    tls,
    port: port ?? (path === undefined ? DEFAULT_PORT : undefined),
    insecureTransport: settings.insecureTransport,
    localOnly: auth.localOnly,
  });
  let stopped: Promise<void> | undefined;
  const stopOnce = (): Promise<void> => {
    stopped ??= stop(server, connections, settings.stopTimeoutMs);
    return stopped;
  };
  let current = tls;
  const reload = (given: ReloadedTls): void => {
    // A TLS server is an instance of the node:tls class.
    current = reloadTls(server as TlsServer, current, given);
  };
  return { address, reloadTls: reload, stop: stopOnce, [Symbol.asyncDispose]: stopOnce };
}

function serverOf(tls: TlsOptions | undefined, connections: Connections): Server {
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  // A connection that cannot be accepted, for example for lack of descriptors, must not end the process.
  const ignore = (): void => undefined;
  if (tls === undefined) {
    // A client may close its sending side after its last request and still receive the responses.
    const server = createServer({ ...options, allowHalfOpen: true });
    return server.on("error", ignore).on("connection", (socket) => {
      connections.admit(socket);
      connections.serve(socket);
    });
  }
  const handshakeTimeout = connections.limits.authenticationTimeoutMs;
  const server = createTlsServer({ handshakeTimeout, ...withLeastVersion(tls), ...options });
  return (
    server
      .on("error", ignore)
      // A failed handshake is the client's problem.
      .on("tlsClientError", (_error, socket) => socket.destroy())
      .on("connection", (socket: Socket) => connections.admit(socket))
      .on("secureConnection", (socket) => connections.serve(socket))
  );
}

/** The connections of one server. */
class Connections {
  readonly limits: AllLimits;
  /** The number of connections so far. */
  admitted = 0;
  readonly #open = new Set<ServerConnection>();
  readonly #limit: ConnectionLimit;
  readonly #context: ServerContext;

  constructor(limits: AllLimits, shared: Pick<ServerContext, "service" | "auth" | "reports">) {
    this.limits = limits;
    this.#limit = new ConnectionLimit(limits.maxConnections);
    const { requestsPerMinute: perMinute } = limits;
    this.#context = {
      ...shared,
      limits,
      failures: new FailureLimit({ perMinute: limits.failedAuthenticationsPerMinute }),
      rate: perMinute === undefined ? undefined : new RateLimit({ perMinute }),
      notBegun: new NotBegun(),
      bytes: new ByteBudget(limits.maxBufferedBytes),
      requests: new ByteBudget(limits.maxInFlight - 1),
      onAuthenticated: (socket) => this.#limit.authenticated(socket),
    };
  }

  /** Counts a connection before its TLS handshake, because a handshake may never end. */
  admit(socket: Socket): void {
    this.admitted++;
    this.#limit.admit(socket);
  }

  serve(socket: Socket): void {
    if (socket.destroyed) return;
    const connection = new ServerConnection(socket, this.#context);
    this.#open.add(connection);
    socket.once("close", () => this.#open.delete(connection));
    void connection.start();
    if (this.#context.notBegun.isStopped) connection.stop();
  }

  /** Refuses all requests that have not begun, now and later; those in progress continue. */
  stopAll(): void {
    this.#context.notBegun.stop();
    for (const connection of this.#open) connection.stop();
  }

  destroyAll(): void {
    this.#limit.destroyAll();
  }
}

/** Stops listening, which also removes a socket file, and waits for requests in flight. */
async function stop(server: Server, connections: Connections, timeoutMs: number): Promise<void> {
  const timer = setTimeout(() => connections.destroyAll(), timeoutMs);
  connections.stopAll();
  await requestsArrived(() => connections.admitted);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  clearTimeout(timer);
}
