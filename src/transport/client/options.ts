/**
 * The options that the clients of all wires share: their credentials and time limits.
 *
 * @module
 */

import type { ConnectionOptions } from "node:tls";
import { checkBoolean } from "../../vault/checks.js";
import type { MaybePromise } from "../../vault/contracts.js";
import {
  type Check,
  integerWithin,
  type OptionsTable,
  oneOf,
  optional,
  type WithDefaults,
} from "../../vault/options.js";
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

/** {@link ClientOptions} as a client uses them. */
export interface ClientSettings extends Omit<WithDefaults<ClientOptions, Defaulted>, "token"> {
  /** Returns the token to send now. @throws TypeError It is not a bearer token. */
  token(): MaybePromise<string | undefined>;
}

type Defaulted =
  | "connectTimeoutMs"
  | "responseTimeoutMs"
  | "maxResponseBytes"
  | "closeTimeoutMs"
  | "insecureTransport";

/** The address of a server, for the decision whether a token is safe on the way there. */
export interface Reach {
  readonly isEncrypted: boolean;
  /** Absent for a Unix socket. */
  readonly host: string | undefined;
}

const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]{1,16384}={0,2}$/;

/** A check for limits: every timer of Node can hold them. */
export const limit: Check<number> = integerWithin(1, 2 ** 31 - 1);

/** How the options of every client are read. */
export const CLIENT_OPTIONS: OptionsTable<ClientSettings> = {
  token: tokenSource,
  tls: optional(checkTls),
  insecureTransport: optional(checkBoolean, false),
  connectTimeoutMs: optional(limit, 5000),
  responseTimeoutMs: optional(limit, 30_000),
  maxResponseBytes: optional(limit, 64 * 1024 * 1024),
  closeTimeoutMs: optional(limit, 5000),
  compatibility: optional(oneOf("original")),
};

/** @throws TypeError An attacker on the network could read the token. */
export function checkReach(
  { token }: ClientOptions,
  { insecureTransport }: ClientSettings,
  reach: Reach,
): void {
  const isPrivate = reach.isEncrypted || reach.host === undefined || isLoopbackHost(reach.host);
  if (token === undefined || isPrivate || insecureTransport) return;
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
    "options.token must be a bearer token, without the word Bearer: A-Z a-z 0-9 - . _ ~ + / and = at the end",
  );
}
