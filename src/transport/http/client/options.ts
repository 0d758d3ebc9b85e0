/** Connection options of the HTTP clients, the same for every protocol over HTTP. */
import {
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../../../vault/options.js";
import {
  CLIENT_OPTIONS,
  type ClientOptions,
  type ClientSettings,
  checkReach,
  limit,
} from "../../client/options.js";

/** Options of the clients over HTTP: REST and JSON, and XML-RPC. */
export interface HttpClientOptions extends ClientOptions {
  /** A Unix socket to connect to instead of the URL's host and port. */
  readonly path?: string | undefined;
  /** The maximum number of simultaneous connections; further calls wait for one. Default 64. */
  readonly maxConnections?: number | undefined;
}

/** {@link HttpClientOptions} with defaults filled in, and the parts of the URL. */
export interface HttpClientSettings extends ReadHttpClientOptions {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number | undefined;
  /** The path of the URL, at least `/`. */
  readonly urlPath: string;
}

type ReadHttpClientOptions = ClientSettings &
  WithDefaults<Pick<HttpClientOptions, "path" | "maxConnections">, "maxConnections">;

const OPTIONS: OptionsTable<ReadHttpClientOptions> = {
  ...CLIENT_OPTIONS,
  path: optional(checkPath),
  maxConnections: optional(limit, 64),
};

/** @throws TypeError RangeError The URL or an option is invalid; the message repeats neither. */
export function readHttpClientOptions(
  address: string | URL,
  options: HttpClientOptions,
): HttpClientSettings {
  const settings = readOptions(options, OPTIONS);
  const url = readUrl(address);
  const isSecure = url.protocol === "https:";
  // URLs write IPv6 addresses in brackets, which are not part of the address.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const reached = settings.path === undefined ? host : undefined;
  checkReach(options, settings, { isEncrypted: isSecure, host: reached });
  const port = url.port === "" ? undefined : Number(url.port);
  return { ...settings, isSecure, host, port, urlPath: url.pathname };
}

function checkPath(value: unknown, place: string): asserts value is string {
  if (typeof value !== "string" || value === "") {
    throw new TypeError(`${place} must be the path of a Unix socket`);
  }
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
