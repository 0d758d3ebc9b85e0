/** How a vault is served as XML-RPC. */
import type { TlsOptions } from "node:tls";
import type { Authenticator } from "../../auth/authenticator.js";
import { checkBoolean, checkInteger, checkMethods, checkOptions } from "../../vault/checks.js";
import { checkListenOptions } from "../listening.js";

/** Where an XML-RPC server listens, whom it believes, and what it bounds. */
export interface XmlRpcServerOptions {
  /** Tells who is calling; without it nothing is served. */
  readonly auth: Authenticator;
  /** A name or an address. Default `"127.0.0.1"`. */
  readonly host?: string | undefined;
  /** Default 8422; 0 for a free one. */
  readonly port?: number | undefined;
  /** A Unix socket instead of a host and port. */
  readonly path?: string | undefined;
  /** Certificate and key, as `node:tls` takes them. TLS 1.2 is the least. */
  readonly tls?: TlsOptions | undefined;
  /** Lets a server listen to other machines without TLS: whoever is in between reads everything. */
  readonly insecureTransport?: boolean | undefined;
  /** Opens safe views to everybody. Default: they need a caller. */
  readonly publicSafeViews?: boolean | undefined;
  /** The only principals that may unseal; an empty list means nobody. Default: no such limit. */
  readonly gatewayPrincipals?: readonly string[] | undefined;
  /** The largest body of a request, in bytes. Default 16 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** How many requests are worked on at once; more hear 503. Default 256. */
  readonly maxInFlight?: number | undefined;
  /** How many connections there may be; the oldest without a caller gives way. Default 1,000. */
  readonly maxConnections?: number | undefined;
  /** How many requests a minute each caller may send; no limit when absent. */
  readonly requestsPerMinute?: number | undefined;
  /** How many failed authentications a minute each address may have. Default 20. */
  readonly failedAuthenticationsPerMinute?: number | undefined;
  /** How long a whole request may take to arrive, in milliseconds. Default 30,000. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long a connection may be idle, in milliseconds. Default 5,000. */
  readonly idleTimeoutMs?: number | undefined;
  /** How long {@link XmlRpcServer.stop} waits for requests in flight, in milliseconds. Default 5,000. */
  readonly stopTimeoutMs?: number | undefined;
}

const KNOWN: ReadonlySet<string> = new Set([
  ...["auth", "host", "port", "path", "tls", "insecureTransport", "publicSafeViews"],
  ...["gatewayPrincipals", "maxBodyBytes", "maxInFlight", "maxConnections", "requestsPerMinute"],
  ...["failedAuthenticationsPerMinute", "requestTimeoutMs", "idleTimeoutMs", "stopTimeoutMs"],
]);

const DEFAULTS = {
  publicSafeViews: false,
  maxBodyBytes: 16_777_216,
  maxInFlight: 256,
  maxConnections: 1000,
  failedAuthenticationsPerMinute: 20,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 5_000,
  stopTimeoutMs: 5_000,
};

const NUMBERS = [
  ...(["maxBodyBytes", "maxInFlight", "maxConnections", "requestsPerMinute"] as const),
  ...(["failedAuthenticationsPerMinute", "requestTimeoutMs", "idleTimeoutMs"] as const),
  "stopTimeoutMs",
] as const;
const MAX_NUMBER = 2 ** 31 - 1;

/** {@link XmlRpcServerOptions} with the defaults filled in. */
export type ServerSettings = XmlRpcServerOptions & typeof DEFAULTS;

/**
 * Returns the options with their defaults.
 *
 * @throws TypeError RangeError One is wrong, or there is no `auth`.
 */
export function readServerOptions(options: XmlRpcServerOptions): ServerSettings {
  checkOptions(options, "options", KNOWN);
  // Whoever forgets to say who may call must not serve everybody.
  checkMethods(options.auth, "options.auth", ["authenticate"]);
  checkListenOptions(options);
  for (const name of NUMBERS) {
    const value = options[name];
    if (value !== undefined) checkInteger(value, `options.${name}`, { min: 1, max: MAX_NUMBER });
  }
  const { publicSafeViews } = options;
  if (publicSafeViews !== undefined) checkBoolean(publicSafeViews, "options.publicSafeViews");
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return {
    ...DEFAULTS,
    ...(Object.fromEntries(given) as unknown as XmlRpcServerOptions),
  } as ServerSettings;
}
