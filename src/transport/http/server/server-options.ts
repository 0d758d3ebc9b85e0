/** The options of a server, with validation and defaults. */

import type { TlsOptions } from "node:tls";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../../../vault/options.js";
import {
  checkOneAddress,
  isLoopbackHost,
  LISTEN_OPTIONS,
  type ListenOptions,
} from "../../sockets/listening.js";
import { withLeastVersion } from "../../sockets/tls-options.js";
import {
  HANDLER_OPTIONS,
  type HandlerSettings,
  type HttpHandlerOptions,
  handlerSettings,
  LOOPBACK_HOSTS,
  type ReadHandlerOptions,
} from "./options.js";

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

type Defaulted =
  | "headersTimeoutMs"
  | "requestTimeoutMs"
  | "idleTimeoutMs"
  | "stopTimeoutMs"
  | "maxConnections";

/** {@link HttpServerOptions} as they are read. */
type ReadServerOptions = ReadHandlerOptions &
  WithDefaults<Omit<HttpServerOptions, keyof HttpHandlerOptions>, Defaulted>;

/** How the options of a server are read. */
export const SERVER_OPTIONS: OptionsTable<ReadServerOptions> = {
  ...HANDLER_OPTIONS,
  ...LISTEN_OPTIONS,
  headersTimeoutMs: optional(integerWithin(1, MAX_TIMEOUT_MS), 5000),
  requestTimeoutMs: optional(integerWithin(1, MAX_TIMEOUT_MS), 30_000),
  idleTimeoutMs: optional(integerWithin(1, MAX_TIMEOUT_MS), 5000),
  stopTimeoutMs: optional(integerWithin(1, MAX_TIMEOUT_MS), 5000),
  maxConnections: optional(integerWithin(1, MAX_CONNECTIONS), 1000),
};

/** The settings of a server, from its options. */
export interface ServerSettings extends Pick<ReadServerOptions, "tls" | Defaulted> {
  readonly handler: HandlerSettings;
  readonly listening: ListenOptions;
}

/**
 * Returns the settings of a server that has the options of `table`.
 *
 * @throws TypeError RangeError An option is invalid.
 */
export function readServerOptions(
  options: object,
  defaultPort: number,
  table: OptionsTable<Omit<ReadServerOptions, "basePath">> = SERVER_OPTIONS,
): ServerSettings {
  const settings = readOptions(options, table);
  const { host, path, tls, insecureTransport, auth } = settings;
  const { requestTimeoutMs, idleTimeoutMs, stopTimeoutMs, maxConnections } = settings;
  checkOneAddress(settings);
  const port = path === undefined ? (settings.port ?? defaultPort) : undefined;
  return {
    handler: handlerSettings({
      basePath: "",
      ...settings,
      allowedHosts: settings.allowedHosts ?? defaultHosts(host),
    }),
    listening: { host, port, path, tls, insecureTransport, localOnly: auth.localOnly },
    tls: tls && withLeastVersion(tls),
    // The headers are part of the request, so they have no more time than it has.
    headersTimeoutMs: Math.min(settings.headersTimeoutMs, requestTimeoutMs),
    requestTimeoutMs,
    idleTimeoutMs,
    stopTimeoutMs,
    maxConnections,
  };
}

/** On the loopback interface, this machine's own names and the name in `host`; on others, any name. */
function defaultHosts(host: string | undefined): ReadonlySet<string> | undefined {
  if (host === undefined) return new Set(LOOPBACK_HOSTS);
  return isLoopbackHost(host) ? new Set([...LOOPBACK_HOSTS, host.toLowerCase()]) : undefined;
}
