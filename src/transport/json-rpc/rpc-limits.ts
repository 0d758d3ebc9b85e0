import {
  integerWithin,
  type OptionsTable,
  optional,
  type WithDefaults,
} from "../../vault/options.js";
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

/** {@link JsonRpcLimits} with their defaults. */
export type AllLimits = WithDefaults<
  JsonRpcLimits,
  Exclude<keyof JsonRpcLimits, "requestsPerMinute">
>;

const limit = integerWithin(1, 2 ** 31 - 1);

/** How the limits are read. */
export const LIMITS: OptionsTable<AllLimits> = {
  maxFrameBytes: optional(limit, 16 * MIB),
  maxUnauthenticatedFrameBytes: optional(limit, 64 * 1024),
  maxBufferedBytes: optional(limit, DEFAULT_MAX_BUFFERED_BYTES),
  maxUnsentBytes: optional(limit, MIB),
  maxInFlightPerConnection: optional(limit, 64),
  maxInFlight: optional(limit, 1024),
  maxConnections: optional(limit, 1024),
  authenticationTimeoutMs: optional(limit, 10_000),
  frameTimeoutMs: optional(limit, 30_000),
  idleTimeoutMs: optional(limit, 30_000),
  stopTimeoutMs: optional(limit, 5000),
  failedAuthenticationsPerMinute: optional(limit, 20),
  requestsPerMinute: optional(limit),
};

/** Throws a RangeError unless the byte budget has room for one frame. */
export function checkBudget({ maxBufferedBytes, maxFrameBytes }: AllLimits): void {
  if (maxBufferedBytes < maxFrameBytes) {
    throw new RangeError("options.maxBufferedBytes must be at least maxFrameBytes");
  }
}
