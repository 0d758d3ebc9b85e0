/** How a client reaches an XML-RPC server. */
import type { ConnectionOptions } from "node:tls";
import { checkBoolean, checkInteger, checkOptions } from "../../vault/checks.js";
import type { MaybePromise } from "../../vault/contracts.js";

/** How a client reaches an XML-RPC server, and how long it waits. */
export interface XmlRpcClientOptions {
  /** The credential, sent as `Authorization: Bearer`; a function is asked before every call. */
  readonly token?: string | (() => MaybePromise<string>) | undefined;
  /** A Unix socket to connect to instead of the URL's host; the URL still names the path. */
  readonly path?: string | undefined;
  /** What `node:tls` takes: `ca`, and `cert` and `key` for mutual TLS. */
  readonly tls?: ConnectionOptions | undefined;
  /** Lets a token travel to another machine without TLS. */
  readonly insecureTransport?: boolean | undefined;
  /** How long connecting may take, TLS included, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long an answer may take once connected, in milliseconds. Default 30,000. */
  readonly readTimeoutMs?: number | undefined;
  /** The largest answer, in bytes. Default 64 MiB. */
  readonly maxAnswerBytes?: number | undefined;
  /** How many connections at most; further calls wait for one. Default 64. */
  readonly maxConnections?: number | undefined;
}

const KNOWN: ReadonlySet<string> = new Set([
  ...["token", "path", "tls", "insecureTransport", "connectTimeoutMs", "readTimeoutMs"],
  ...["maxAnswerBytes", "maxConnections"],
]);
const NUMBERS = ["connectTimeoutMs", "readTimeoutMs", "maxAnswerBytes", "maxConnections"] as const;
const MAX_NUMBER = 2 ** 31 - 1;
const DEFAULTS = {
  connectTimeoutMs: 5000,
  readTimeoutMs: 30_000,
  maxAnswerBytes: 67_108_864,
  maxConnections: 64,
};
const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Where and how to connect. */
export type ClientSettings = XmlRpcClientOptions & typeof DEFAULTS & { readonly url: URL };

/**
 * Returns the options with their defaults.
 *
 * @throws TypeError RangeError One is wrong.
 */
export function readClientOptions(url: string | URL, options: XmlRpcClientOptions): ClientSettings {
  checkOptions(options, "options", KNOWN);
  for (const name of NUMBERS) {
    const value = options[name];
    if (value !== undefined) checkInteger(value, `options.${name}`, { min: 1, max: MAX_NUMBER });
  }
  const { token, insecureTransport, path } = options;
  if (insecureTransport !== undefined) checkBoolean(insecureTransport, "options.insecureTransport");
  if (token !== undefined && typeof token !== "string" && typeof token !== "function") {
    throw new TypeError("options.token must be a string or a function");
  }
  if (path !== undefined && (typeof path !== "string" || path === "")) {
    throw new TypeError("options.path must be the path of a Unix socket");
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...DEFAULTS, ...Object.fromEntries(given), url: readUrl(url, options) };
}

function readUrl(url: string | URL, options: XmlRpcClientOptions): URL {
  if (!URL.canParse(String(url))) throw new TypeError("url must be an address of http or https");
  const parsed = new URL(url);
  const { protocol, username, password, hostname } = parsed;
  if (protocol !== "http:" && protocol !== "https:") {
    throw new TypeError("url must be an address of http or https");
  }
  if (username !== "" || password !== "") throw new TypeError("url must not hold a credential");
  const isPrivate = protocol === "https:" || options.path !== undefined || LOOPBACK.has(hostname);
  if (options.token !== undefined && !isPrivate && options.insecureTransport !== true) {
    throw new TypeError(
      "url must be https for a token to leave this machine, or insecureTransport true",
    );
  }
  return parsed;
}

const TOKEN = /^[A-Za-z0-9._~+/-]{1,16384}={0,2}$/;

/** Returns the header of a credential; the message of the error does not repeat it. */
export function authorizationOf(token: string): string {
  if (!TOKEN.test(token)) throw new TypeError("token must have characters of a bearer token only");
  return `Bearer ${token}`;
}
