/** How a vault is served over HTTP, wherever the requests come from. */
import type { Authenticator } from "../../../auth/authenticator.js";
import { checkBoolean, checkInteger, checkMethods, checkOptions } from "../../../vault/checks.js";
import { DEFAULT_MAX_BUFFERED_BYTES } from "../../limits/limits.js";
import { ErrorReports, type OnError } from "../../service/error-reports.js";

const DEFAULT_MAX_BODY_BYTES = 16 * 1024 * 1024;
const DEFAULT_MAX_IN_FLIGHT = 256;
const MAX_BYTES = 2 ** 30;
const MAX_COUNT = 2 ** 31 - 1;

/** Options of `httpHandler`. */
export interface HttpHandlerOptions {
  /** Tells who is calling; without it nothing is served. */
  readonly auth: Authenticator;
  /** The largest body of a request, in bytes. Default 16 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /**
   * Bytes of bodies that have arrived and of answers not taken, for the whole server; requests with a
   * body hear 503 meanwhile. Default 256 MiB. Answers that are a `Response` are the framework's to count.
   */
  readonly maxBufferedBytes?: number | undefined;
  /** How many requests are worked on at once; more hear 503. Default 256. */
  readonly maxInFlight?: number | undefined;
  /** Opens safe views to everybody. Default: they need a caller. */
  readonly publicSafeViews?: boolean | undefined;
  /** Who may unseal at all, besides what handles say; an empty list means nobody. */
  readonly gatewayPrincipals?: readonly string[] | undefined;
  /** How many requests a minute each caller may send; no limit when absent. */
  readonly requestsPerMinute?: number | undefined;
  /**
   * How many failed authentications a minute each address may have. Default 20. It needs the
   * connection: `"unlimited"` where a framework does not hand it on and something else limits them.
   */
  readonly failedAuthenticationsPerMinute?: number | "unlimited" | undefined;
  /**
   * Which hosts, without port, a request may name; against web pages that let their own name lead to
   * this machine. Default: any, or with an authenticator that believes local callers this machine's.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Which web pages may send requests, such as `"https://example.org"`. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** What the paths of all routes start with, such as `"/vault"`. Default: nothing. */
  readonly basePath?: string | undefined;
  /**
   * Called with each error that a request is answered with 500 for and that is none of this library's: the
   * authenticator's own, say. Default: `process.emitWarning` with its name and the request id.
   */
  readonly onError?: OnError | undefined;
}

/** The names by which this machine knows itself. */
export const LOOPBACK_HOSTS: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

export const HANDLER_OPTIONS: readonly string[] = [
  ...["auth", "maxBodyBytes", "maxBufferedBytes", "maxInFlight"],
  ...[
    "publicSafeViews",
    "gatewayPrincipals",
    "requestsPerMinute",
    "failedAuthenticationsPerMinute",
  ],
  ...["allowedHosts", "allowedOrigins", "basePath", "onError"],
];

/** {@link HttpHandlerOptions} with the defaults filled in. */
export interface HandlerSettings {
  readonly auth: Authenticator;
  readonly maxBodyBytes: number;
  readonly maxBufferedBytes: number;
  readonly maxInFlight: number;
  readonly publicSafeViews: boolean;
  readonly gatewayPrincipals: readonly string[] | undefined;
  readonly requestsPerMinute: number | undefined;
  readonly failuresPerMinute: number | "unlimited";
  readonly allowedHosts: ReadonlySet<string> | undefined;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly basePath: string;
  readonly reports: ErrorReports;
}

const DEFAULT_FAILURES_PER_MINUTE = 20;
const BASE_PATH = /^(?:\/[A-Za-z0-9._~-]+)*$/;

/**
 * Returns the options with their defaults.
 *
 * @throws TypeError RangeError One is wrong, or there is no `auth`.
 */
export function readHandlerOptions(
  options: HttpHandlerOptions,
  known: ReadonlySet<string>,
): HandlerSettings {
  checkOptions(options, "options", known);
  // Whoever forgets to say who may call must not serve everybody.
  checkMethods(options.auth, "options.auth", ["authenticate"]);
  checkNumbers(options);
  const { publicSafeViews = false, basePath = "", auth } = options;
  checkBoolean(publicSafeViews, "options.publicSafeViews");
  if (typeof basePath !== "string" || !BASE_PATH.test(basePath)) {
    throw new TypeError('options.basePath must be a path such as "/vault"');
  }
  const hosts = options.allowedHosts ?? (auth.localOnly === true ? LOOPBACK_HOSTS : undefined);
  return {
    auth,
    ...bytesOf(options),
    maxInFlight: options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
    publicSafeViews,
    gatewayPrincipals: options.gatewayPrincipals,
    requestsPerMinute: options.requestsPerMinute,
    failuresPerMinute: options.failedAuthenticationsPerMinute ?? DEFAULT_FAILURES_PER_MINUTE,
    allowedHosts: hosts === undefined ? undefined : textSet(hosts, "options.allowedHosts"),
    allowedOrigins: textSet(options.allowedOrigins ?? [], "options.allowedOrigins"),
    basePath,
    reports: new ErrorReports(options.onError),
  };
}

function bytesOf(
  options: HttpHandlerOptions,
): Pick<HandlerSettings, "maxBodyBytes" | "maxBufferedBytes"> {
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const maxBufferedBytes = options.maxBufferedBytes ?? DEFAULT_MAX_BUFFERED_BYTES;
  if (maxBufferedBytes < maxBodyBytes) {
    throw new RangeError("options.maxBufferedBytes must be at least maxBodyBytes");
  }
  return { maxBodyBytes, maxBufferedBytes };
}

function checkNumbers(options: HttpHandlerOptions): void {
  const { maxBodyBytes, maxBufferedBytes, maxInFlight, requestsPerMinute } = options;
  const { failedAuthenticationsPerMinute: failures } = options;
  checkOptional(maxBodyBytes, "options.maxBodyBytes", MAX_BYTES);
  checkOptional(maxBufferedBytes, "options.maxBufferedBytes", MAX_COUNT);
  checkOptional(maxInFlight, "options.maxInFlight", MAX_COUNT);
  checkOptional(requestsPerMinute, "options.requestsPerMinute", MAX_COUNT);
  if (failures !== "unlimited") {
    checkOptional(failures, "options.failedAuthenticationsPerMinute", MAX_COUNT);
  }
}

/** Throws unless `value` is absent or a whole number from 1 to `max`. */
export function checkOptional(value: unknown, name: string, max: number): void {
  if (value !== undefined) checkInteger(value, name, { min: 1, max });
}

function textSet(values: unknown, name: string): ReadonlySet<string> {
  if (!Array.isArray(values) || values.some((value) => typeof value !== "string")) {
    throw new TypeError(`${name} must be an array of strings`);
  }
  return new Set((values as string[]).map((value) => value.toLowerCase()));
}
