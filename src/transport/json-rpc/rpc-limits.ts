import { checkInteger } from "../../vault/checks.js";
import { DEFAULT_MAX_BUFFERED_BYTES } from "../limits/limits.js";

const MIB = 1024 * 1024;

/** The limits of a JSON-RPC server. */
export interface JsonRpcLimits {
  /** The maximum size of a frame in bytes. Default 16 MiB. */
  readonly maxFrameBytes?: number | undefined;
  /** The maximum size of a frame in bytes before the connection is authenticated. Default 64 KiB. */
  readonly maxUnauthenticatedFrameBytes?: number | undefined;
  /**
   * The budget in bytes for the frames and responses of the whole server; over it, frames wait. Default 256
   * MiB.
   */
  readonly maxBufferedBytes?: number | undefined;
  /**
   * The bytes of responses that a connection has not received yet. Over this, the server stops reading from
   * it.
   * Default 1 MiB.
   */
  readonly maxUnsentBytes?: number | undefined;
  /** The maximum number of requests in flight for each connection; further ones wait. Default 64. */
  readonly maxInFlightPerConnection?: number | undefined;
  /** The maximum number of requests in flight for all connections; further ones wait. Default 1,024. */
  readonly maxInFlight?: number | undefined;
  /** The maximum number of connections; the oldest unauthenticated one is closed first. Default 1,024. */
  readonly maxConnections?: number | undefined;
  /** Milliseconds in which a connection must authenticate. Default 10,000. */
  readonly authenticationTimeoutMs?: number | undefined;
  /** Milliseconds in which a frame that has begun must be complete, in either direction. Default 30,000. */
  readonly frameTimeoutMs?: number | undefined;
  /** Milliseconds after which an idle connection is closed. Default 30,000. */
  readonly idleTimeoutMs?: number | undefined;
  /** Milliseconds that `stop()` waits for requests in flight. Default 5,000. */
  readonly stopTimeoutMs?: number | undefined;
  /** Failed authentications a minute from one address. Default 20. */
  readonly failedAuthenticationsPerMinute?: number | undefined;
  /** The number of requests a minute that each caller may send. Default: unlimited. */
  readonly requestsPerMinute?: number | undefined;
}

/** Limits with every member present. */
export type AllLimits = {
  readonly [Name in keyof Omit<JsonRpcLimits, "requestsPerMinute">]-?: number;
} & Pick<JsonRpcLimits, "requestsPerMinute">;

const DEFAULTS: AllLimits = {
  maxFrameBytes: 16 * MIB,
  maxUnauthenticatedFrameBytes: 64 * 1024,
  maxBufferedBytes: DEFAULT_MAX_BUFFERED_BYTES,
  maxUnsentBytes: MIB,
  maxInFlightPerConnection: 64,
  maxInFlight: 1024,
  maxConnections: 1024,
  authenticationTimeoutMs: 10_000,
  frameTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  stopTimeoutMs: 5000,
  failedAuthenticationsPerMinute: 20,
  requestsPerMinute: undefined,
};

/** The names of all limits. */
export const LIMIT_NAMES = Object.keys(DEFAULTS) as readonly (keyof AllLimits)[];

/**
 * Returns all limits: the given ones, and defaults for the others.
 *
 * @throws TypeError A limit has the wrong type.
 * @throws RangeError A limit is not a positive whole number below 2^31, or the byte budget is smaller than
 * one frame may be.
 */
export function allLimits(options: JsonRpcLimits): AllLimits {
  const limits: { -readonly [Name in keyof AllLimits]: AllLimits[Name] } = { ...DEFAULTS };
  for (const name of LIMIT_NAMES) {
    const value = options[name];
    if (value === undefined) continue;
    checkInteger(value, `options.${name}`, { min: 1, max: 2 ** 31 - 1 });
    limits[name] = value;
  }
  if (limits.maxBufferedBytes < limits.maxFrameBytes) {
    throw new RangeError("options.maxBufferedBytes must be at least maxFrameBytes");
  }
  return limits;
}
