/** The options of a server, with validation and defaults. */

import type { TlsOptions } from "node:tls";
import { checkListenOptions, isLoopbackHost, type ListenOptions } from "../../sockets/listening.js";
import { withLeastVersion } from "../../sockets/tls-options.js";
import {
  checkOptional,
  HANDLER_OPTIONS,
  type HttpHandlerOptions,
  LOOPBACK_HOSTS,
} from "./options.js";

const DEFAULT_HEADERS_TIMEOUT_MS = 5000;
const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;
const DEFAULT_IDLE_TIMEOUT_MS = 5000;
const DEFAULT_STOP_TIMEOUT_MS = 5000;
const DEFAULT_MAX_CONNECTIONS = 1000;
const MAX_TIMEOUT_MS = 3_600_000;
const MAX_CONNECTIONS = 1_000_000;

/** The server's certificate, and the clients' certificates that it trusts: options of `node:tls`. */
export type HttpTlsOptions = Pick<
  TlsOptions,
  "cert" | "key" | "passphrase" | "pfx" | "ca" | "requestCert" | "rejectUnauthorized" | "minVersion"
>;

/** Options of `serveHttp`; those of `serveXmlRpc` are the same except for `basePath`. */
export interface HttpServerOptions extends HttpHandlerOptions, Omit<ListenOptions, "localOnly"> {
  /** Default 8421, and 8422 for XML-RPC; 0 for a free port. */
  readonly port?: number | undefined;
  /** Enables TLS; with `requestCert` the server asks clients for certificates. */
  readonly tls?: HttpTlsOptions | undefined;
  /** The time limit for the headers of a request, in milliseconds. Default 5,000. */
  readonly headersTimeoutMs?: number | undefined;
  /**
   * The time limit for receiving a whole request, and for sending its response, in milliseconds. Default
   * 30,000.
   */
  readonly requestTimeoutMs?: number | undefined;
  /** How long a connection may be idle between requests, in milliseconds. Default 5,000. */
  readonly idleTimeoutMs?: number | undefined;
  /** How long `stop()` waits for requests in flight, in milliseconds. Default 5,000. */
  readonly stopTimeoutMs?: number | undefined;
  /** The maximum number of connections; the oldest unauthenticated one is closed first. Default 1,000. */
  readonly maxConnections?: number | undefined;
}

const LISTENING = ["host", "port", "path", "tls", "insecureTransport"] as const;
const TIMEOUTS = [
  ...(["headersTimeoutMs", "requestTimeoutMs", "idleTimeoutMs"] as const),
  "stopTimeoutMs",
] as const;

/** The names of all options of a server. */
export const SERVER_OPTIONS: ReadonlySet<string> = new Set([
  ...HANDLER_OPTIONS,
  ...LISTENING,
  ...TIMEOUTS,
  "maxConnections",
]);

/** The settings of a server, from its options. */
export interface ServerSettings {
  readonly handler: HttpHandlerOptions;
  readonly listening: ListenOptions;
  readonly tls: HttpTlsOptions | undefined;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly maxConnections: number;
}

/** @throws TypeError RangeError An option is invalid. */
export function readServerOptions(options: HttpServerOptions, defaultPort: number): ServerSettings {
  checkServerOptions(options);
  const { host, path, tls, insecureTransport, auth } = options;
  const port = path === undefined ? (options.port ?? defaultPort) : undefined;
  const listening = { host, port, path, tls, insecureTransport, localOnly: auth?.localOnly };
  const allowedHosts = options.allowedHosts ?? defaultHosts(host);
  const requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const headersTimeoutMs = options.headersTimeoutMs ?? DEFAULT_HEADERS_TIMEOUT_MS;
  return {
    handler: { ...options, allowedHosts },
    listening,
    tls: tls && withLeastVersion(tls),
    // The headers are part of the request, so they have no more time than it has.
    headersTimeoutMs: Math.min(headersTimeoutMs, requestTimeoutMs),
    requestTimeoutMs,
    idleTimeoutMs: options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS,
    stopTimeoutMs: options.stopTimeoutMs ?? DEFAULT_STOP_TIMEOUT_MS,
    maxConnections: options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
  };
}

function checkServerOptions(options: HttpServerOptions): void {
  // A value that is not an object is refused with the handler's options.
  if (typeof options !== "object" || options === null) {
    throw new TypeError("options must be an object");
  }
  checkListenOptions(options);
  for (const name of TIMEOUTS) checkOptional(options[name], `options.${name}`, MAX_TIMEOUT_MS);
  checkOptional(options.maxConnections, "options.maxConnections", MAX_CONNECTIONS);
}

/** On the loopback interface, this machine's own names and the name in `host`; on others, any name. */
function defaultHosts(host: string | undefined): readonly string[] | undefined {
  if (host === undefined) return LOOPBACK_HOSTS;
  return isLoopbackHost(host) ? [...LOOPBACK_HOSTS, host] : undefined;
}
