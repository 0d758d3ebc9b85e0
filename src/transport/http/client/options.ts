/** Connection options of the HTTP clients, the same for every protocol over HTTP. */
import {
  type ClientOptions,
  type ClientSettings,
  checkReach,
  readClientOptions,
  readNumbers,
} from "../../client/options.js";

/** Options of the clients over HTTP: REST and JSON, and XML-RPC. */
export interface HttpClientOptions extends ClientOptions {
  /** A Unix socket to connect to instead of the URL's host and port. */
  readonly path?: string | undefined;
  /** The maximum number of simultaneous connections; further calls wait for one. Default 64. */
  readonly maxConnections?: number | undefined;
}

/** {@link HttpClientOptions} with defaults filled in, and the parts of the URL. */
export interface HttpClientSettings extends ClientSettings {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number | undefined;
  /** The path of the URL, at least `/`. */
  readonly urlPath: string;
  readonly socketPath: string | undefined;
  readonly maxConnections: number;
}

const DEFAULTS = { maxConnections: 64 };

/** @throws TypeError RangeError The URL or an option is invalid; the message repeats neither. */
export function readHttpClientOptions(
  address: string | URL,
  options: HttpClientOptions,
): HttpClientSettings {
  const settings = readClientOptions(options, ["path", ...Object.keys(DEFAULTS)]);
  const { path } = options;
  if (path !== undefined && (typeof path !== "string" || path === "")) {
    throw new TypeError("options.path must be the path of a Unix socket");
  }
  const url = readUrl(address);
  const isSecure = url.protocol === "https:";
  // URLs write IPv6 addresses in brackets, which are not part of the address.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  checkReach(options, { isEncrypted: isSecure, host: path === undefined ? host : undefined });
  return {
    ...settings,
    ...readNumbers(options, DEFAULTS),
    isSecure,
    host,
    port: url.port === "" ? undefined : Number(url.port),
    urlPath: url.pathname,
    socketPath: path,
  };
}

/** URLs appear in logs and messages, so they must not contain a password. */
function readUrl(address: string | URL): URL {
  const text = String(address);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.username === "" && url.password === "" && url.search + url.hash === "";
  if (url === undefined || !isPlain || !/^https?:$/.test(url.protocol)) {
    throw new TypeError("url must be one such as https://vault.example:8421, without credentials");
  }
  return url;
}
