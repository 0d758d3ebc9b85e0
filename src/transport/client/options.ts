/**
 * The options that the clients of all wires share: their credentials and time limits.
 *
 * @module
 */

import type { ConnectionOptions } from "node:tls";
import { checkBoolean, checkInteger, checkOptions } from "../../vault/checks.js";
import type { MaybePromise } from "../../vault/contracts.js";
import { isLoopbackHost } from "../sockets/listening.js";
import { checkTls } from "../sockets/tls-options.js";

/** How to verify a server, and how to authenticate to it: options of `node:tls`. */
export type ClientTlsOptions = Pick<
  ConnectionOptions,
  "ca" | "cert" | "key" | "passphrase" | "pfx" | "servername" | "rejectUnauthorized" | "minVersion"
>;

/** Options of every client. */
export interface ClientOptions {
  /** The bearer token of every call, or a function that returns it and is called for each call. */
  readonly token?: string | (() => MaybePromise<string>) | undefined;
  /** The authorities to trust, and a client certificate. */
  readonly tls?: ClientTlsOptions | undefined;
  /**
   * Allows a token to be sent to another machine without TLS: attackers on the network can read and use it.
   */
  readonly insecureTransport?: boolean | undefined;
  /** The time limit for connecting, including the TLS handshake, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** The time limit for a call, in milliseconds. Default 30,000. */
  readonly responseTimeoutMs?: number | undefined;
  /** The maximum size of a response, in bytes. Default 64 MiB. */
  readonly maxResponseBytes?: number | undefined;
  /** How long `close()` waits for calls in flight, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs?: number | undefined;
  /**
   * `"original"` for a server of the original, the Python library. The client accepts its form of errors,
   * sends no
   * parameter that it lacks, and throws a `TypeError` for operations that it lacks. Default: our servers.
   */
  readonly compatibility?: "original" | undefined;
}

/** {@link ClientOptions} with defaults filled in. */
export interface ClientSettings {
  readonly tls: ClientTlsOptions | undefined;
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly maxResponseBytes: number;
  readonly closeTimeoutMs: number;
  readonly compatibility: "original" | undefined;
  /** Returns the token to send now. @throws TypeError It is not a bearer token. */
  token(): MaybePromise<string | undefined>;
}

/** The address of a server, for the decision whether a token is safe on the way there. */
export interface Reach {
  readonly isEncrypted: boolean;
  /** Absent for a Unix socket. */
  readonly host: string | undefined;
}

const DEFAULTS = {
  connectTimeoutMs: 5000,
  responseTimeoutMs: 30_000,
  maxResponseBytes: 64 * 1024 * 1024,
  closeTimeoutMs: 5000,
};
const NAMES = ["token", "tls", "insecureTransport", "compatibility", ...Object.keys(DEFAULTS)];
const MAX_NUMBER = 2 ** 31 - 1;
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]{1,16384}={0,2}$/;

/**
 * Returns the options that all clients have; the wire reads the others, `own`.
 *
 * @throws TypeError RangeError An option is invalid; the message does not repeat it.
 */
export function readClientOptions(options: ClientOptions, own: readonly string[]): ClientSettings {
  checkOptions(options, "options", new Set([...NAMES, ...own]));
  const { tls, token, insecureTransport, compatibility } = options;
  checkTls(tls);
  if (insecureTransport !== undefined) checkBoolean(insecureTransport, "options.insecureTransport");
  if (compatibility !== undefined && compatibility !== "original") {
    throw new TypeError('options.compatibility must be "original"');
  }
  return { ...readNumbers(options, DEFAULTS), tls, compatibility, token: tokenSource(token) };
}

/**
 * Returns the values of the options in `defaults`.
 *
 * @throws TypeError RangeError One is not a whole number from 1 to 2^31 - 1.
 */
export function readNumbers<Name extends string>(
  options: NoInfer<{ readonly [Each in Name]?: number | undefined }>,
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const numbers: Record<Name, number> = { ...defaults };
  for (const name of Object.keys(defaults) as Name[]) {
    const value = options[name];
    if (value === undefined) continue;
    checkInteger(value, `options.${name}`, { min: 1, max: MAX_NUMBER });
    numbers[name] = value;
  }
  return numbers;
}

/** @throws TypeError An attacker on the network could read the token. */
export function checkReach({ token, insecureTransport }: ClientOptions, reach: Reach): void {
  const isPrivate = reach.isEncrypted || reach.host === undefined || isLoopbackHost(reach.host);
  if (token === undefined || isPrivate || insecureTransport === true) return;
  throw new TypeError(
    "options.token may leave this machine with TLS only, or with insecureTransport: true",
  );
}

function tokenSource(token: unknown): () => MaybePromise<string | undefined> {
  if (token === undefined) return () => undefined;
  if (typeof token === "function") return async () => checkedToken(await token());
  const fixed = checkedToken(token);
  return () => fixed;
}

function checkedToken(token: unknown): string {
  if (typeof token === "string" && BEARER_TOKEN.test(token)) return token;
  throw new TypeError(
    "options.token must be a bearer token: A-Z a-z 0-9 - . _ ~ + / and = at the end",
  );
}
