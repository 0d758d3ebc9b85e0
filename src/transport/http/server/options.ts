/** Options for serving a vault over HTTP, with any server or framework. */
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
  /** Identifies the caller. Without it nothing is served. */
  readonly auth: Authenticator;
  /** The maximum size of a request body, in bytes. Default 16 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /**
   * The budget in bytes, for the whole server, of received bodies and of responses that are not yet sent.
   * When it
   * is exhausted, requests with a body get status 503. Default 256 MiB. A framework that takes a `Response`
   * must
   * limit those itself.
   */
  readonly maxBufferedBytes?: number | undefined;
  /** The maximum number of requests in progress; further ones get status 503. Default 256. */
  readonly maxInFlight?: number | undefined;
  /** Allows safe views without authentication. Default: they need a caller. */
  readonly publicSafeViews?: boolean | undefined;
  /**
   * The only principals that may unseal, in addition to the rules of each handle; with an empty list no
   * principal may.
   */
  readonly gatewayPrincipals?: readonly string[] | undefined;
  /** The number of requests a minute that each caller may send; unlimited when absent. */
  readonly requestsPerMinute?: number | undefined;
  /**
   * The number of failed authentications a minute for each address. Default 20. This needs the connection:
   * use
   * `"unlimited"` if a framework does not expose it and something else limits failures.
   */
  readonly failedAuthenticationsPerMinute?: number | "unlimited" | undefined;
  /**
   * The hosts, without port, that a request may name. This stops web pages whose host name resolves to this
   * machine. Default: any host; with an authenticator that trusts local callers, only this machine's names.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** The origins of web pages that may send requests, such as `"https://example.org"`. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** The prefix of the paths of all routes, such as `"/vault"`. Default: empty. */
  readonly basePath?: string | undefined;
  /**
   * Called with each error that causes status 500 and is not from this library, such as one of the
   * authenticator.
   * Default: `process.emitWarning` with the error's name and the request id.
   */
  readonly onError?: OnError | undefined;
}

/** The names of this machine on the loopback interface. */
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

/** {@link HttpHandlerOptions} with defaults filled in. */
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
 * @throws TypeError RangeError An option is invalid, or `auth` is missing.
 */
export function readHandlerOptions(
  options: HttpHandlerOptions,
  known: ReadonlySet<string>,
): HandlerSettings {
  checkOptions(options, "options", known);
  // A forgotten `auth` must not open the service to every client.
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
