/** How a client reaches a service over HTTP. */
import type { ConnectionOptions } from "node:tls";
import { checkInteger, checkOptions } from "../../vault/checks.js";
import type { MaybePromise } from "../../vault/contracts.js";

const DEFAULT_CONNECT_TIMEOUT_MS = 5000;
const DEFAULT_READ_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const DEFAULT_MAX_CONNECTIONS = 64;
const MAX_TIMEOUT_MS = 3_600_000;
const MAX_BYTES = 2 ** 30;
const MAX_CONNECTIONS = 10_000;
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** How to verify a server, and how to prove oneself to it: options of `node:tls`. */
export type HttpClientTlsOptions = Pick<
  ConnectionOptions,
  "ca" | "cert" | "key" | "passphrase" | "pfx" | "servername" | "rejectUnauthorized" | "minVersion"
>;

/** Options of {@link httpWire}. */
export interface HttpWireOptions {
  /** The bearer token of every request, or what returns it, asked anew for each request. */
  readonly token?: string | (() => MaybePromise<string>) | undefined;
  /** A Unix socket to connect to instead of the URL's host and port. */
  readonly path?: string | undefined;
  /** For `https:`: what to trust, and a certificate of one's own. */
  readonly tls?: HttpClientTlsOptions | undefined;
  /** How long connecting may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long an answer may take, in milliseconds. Default 30,000. */
  readonly readTimeoutMs?: number | undefined;
  /** The largest answer, in bytes. Default 32 MiB. */
  readonly maxAnswerBytes?: number | undefined;
  /** How many connections there may be at once. Default 64. */
  readonly maxConnections?: number | undefined;
}

const KNOWN: ReadonlySet<string> = new Set([
  ...["token", "path", "tls", "connectTimeoutMs", "readTimeoutMs"],
  ...["maxAnswerBytes", "maxConnections"],
]);

/** {@link HttpWireOptions} with the defaults filled in, and the parts of the URL. */
export interface HttpClientSettings {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number | undefined;
  readonly basePath: string;
  readonly socketPath: string | undefined;
  readonly tls: HttpClientTlsOptions;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly maxConnections: number;
  /** Returns the value of the Authorization header. */
  authorization(): MaybePromise<string | undefined>;
}

/** @throws TypeError RangeError The URL or an option is wrong; the text repeats neither. */
export function readClientOptions(
  address: string | URL,
  options: HttpWireOptions,
): HttpClientSettings {
  checkOptions(options, "options", KNOWN);
  checkNumbers(options);
  const { path, tls, token } = options;
  if (path !== undefined && typeof path !== "string") {
    throw new TypeError("options.path must be a string");
  }
  if (tls !== undefined && (typeof tls !== "object" || tls === null)) {
    throw new TypeError("options.tls must be an object with options of node:tls");
  }
  const url = readUrl(address);
  return {
    isSecure: url.protocol === "https:",
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? undefined : Number(url.port),
    basePath: url.pathname.replace(/\/+$/, ""),
    socketPath: path,
    tls: tls ?? {},
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    readTimeoutMs: options.readTimeoutMs ?? DEFAULT_READ_TIMEOUT_MS,
    maxAnswerBytes: options.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES,
    maxConnections: options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
    authorization: authorizationOf(token),
  };
}

function checkNumbers(options: HttpWireOptions): void {
  const bounds = {
    connectTimeoutMs: MAX_TIMEOUT_MS,
    readTimeoutMs: MAX_TIMEOUT_MS,
    maxAnswerBytes: MAX_BYTES,
    maxConnections: MAX_CONNECTIONS,
  } as const;
  for (const [name, max] of Object.entries(bounds)) {
    const value = options[name as keyof typeof bounds];
    if (value !== undefined) checkInteger(value, `options.${name}`, { min: 1, max });
  }
}

/** A password in a URL would end up wherever URLs do. */
function readUrl(address: string | URL): URL {
  const text = String(address);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.username === "" && url.password === "" && url.search + url.hash === "";
  if (url === undefined || !isPlain || !/^https?:$/.test(url.protocol)) {
    throw new TypeError("url must be one such as https://vault.example:8421, without credentials");
  }
  return url;
}

function authorizationOf(token: unknown): () => MaybePromise<string | undefined> {
  if (token === undefined) return () => undefined;
  if (typeof token === "function") return async () => bearer(await token());
  const fixed = bearer(token);
  return () => fixed;
}

function bearer(token: unknown): string {
  if (typeof token !== "string" || !BEARER_TOKEN.test(token)) {
    throw new TypeError(
      "options.token must be a bearer token: A-Z a-z 0-9 - . _ ~ + / and = at the end",
    );
  }
  return `Bearer ${token}`;
}
