/** Options for serving a vault over HTTP, with any server or framework. */
import type { Authenticator } from "../../../auth/authenticator.js";
import { checkBoolean } from "../../../vault/checks.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  required,
  such,
  type WithDefaults,
} from "../../../vault/options.js";
import { DEFAULT_MAX_BUFFERED_BYTES } from "../../limits/limits.js";
import { ErrorReports, type OnError } from "../../service/error-reports.js";

const DEFAULT_MAX_BODY_BYTES = 16 * 1024 * 1024;
const DEFAULT_MAX_IN_FLIGHT = 256;
const MAX_BYTES = 2 ** 30;
const MAX_COUNT = 2 ** 31 - 1;
const BASE_PATH = /^(?:\/[A-Za-z0-9._~-]+)*$/;
const failuresPerMinute = optional(integerWithin(1, MAX_COUNT), 20);

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

/** {@link HttpHandlerOptions} as the server uses them. */
export interface HandlerSettings
  extends WithDefaults<
    Omit<HttpHandlerOptions, "allowedHosts" | "allowedOrigins" | "onError">,
    Defaulted
  > {
  readonly allowedHosts: ReadonlySet<string> | undefined;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly reports: ErrorReports;
}

type Defaulted =
  | "maxBodyBytes"
  | "maxBufferedBytes"
  | "maxInFlight"
  | "publicSafeViews"
  | "failedAuthenticationsPerMinute"
  | "basePath";

/** {@link HttpHandlerOptions} as they are read, before what depends on other options. */
export interface ReadHandlerOptions
  extends Omit<HandlerSettings, "allowedOrigins" | "reports">,
    Pick<HttpHandlerOptions, "onError"> {
  readonly allowedOrigins: ReadonlySet<string> | undefined;
}

/** How the options of `httpHandler` are read. */
export const HANDLER_OPTIONS: OptionsTable<ReadHandlerOptions> = {
  // A forgotten `auth` must not open the service to every client.
  auth: required(
    such<Authenticator>(
      "an authenticator such as tokenAuth({ tokens }), an object",
      "authenticate",
    ),
  ),
  maxBodyBytes: optional(integerWithin(1, MAX_BYTES), DEFAULT_MAX_BODY_BYTES),
  maxBufferedBytes: optional(integerWithin(1, MAX_COUNT), DEFAULT_MAX_BUFFERED_BYTES),
  maxInFlight: optional(integerWithin(1, MAX_COUNT), DEFAULT_MAX_IN_FLIGHT),
  publicSafeViews: optional(checkBoolean, false),
  gatewayPrincipals: (value) => value as readonly string[] | undefined,
  requestsPerMinute: optional(integerWithin(1, MAX_COUNT)),
  failedAuthenticationsPerMinute: (value, place) =>
    value === "unlimited" ? value : failuresPerMinute(value, place),
  allowedHosts: textSet,
  allowedOrigins: textSet,
  basePath: optional(checkBasePath, ""),
  onError: (value) => value as OnError | undefined,
};

/**
 * Returns the options with their defaults.
 *
 * @throws TypeError RangeError An option is invalid, or `auth` is missing.
 */
export function readHandlerOptions(options: HttpHandlerOptions): HandlerSettings {
  return handlerSettings(readOptions(options, HANDLER_OPTIONS));
}

/**
 * Returns the settings for options that have been read.
 *
 * @throws RangeError Options contradict each other.
 */
export function handlerSettings(options: ReadHandlerOptions): HandlerSettings {
  const { auth, allowedHosts, allowedOrigins = new Set(), onError } = options;
  if (options.maxBufferedBytes < options.maxBodyBytes) {
    throw new RangeError("options.maxBufferedBytes must be at least maxBodyBytes");
  }
  return {
    ...options,
    allowedHosts: allowedHosts ?? (auth.localOnly === true ? new Set(LOOPBACK_HOSTS) : undefined),
    allowedOrigins,
    reports: new ErrorReports(onError),
  };
}

function checkBasePath(value: unknown, place: string): asserts value is string {
  if (typeof value !== "string" || !BASE_PATH.test(value)) {
    throw new TypeError(`${place} must be a path such as "/vault"`);
  }
}

function textSet(values: unknown, place: string): ReadonlySet<string> | undefined {
  if (values === undefined) return undefined;
  if (!Array.isArray(values) || values.some((value) => typeof value !== "string")) {
    throw new TypeError(`${place} must be an array of strings`);
  }
  return new Set((values as string[]).map((value) => value.toLowerCase()));
}
