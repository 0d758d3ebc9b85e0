/** The options of the caches on Redis and Valkey. */
import { checkInteger, checkOptions } from "../../vault/checks.js";

const OPTIONS: ReadonlySet<string> = new Set(["keyPrefix", "waitForReplicas"]);
const WAIT_OPTIONS: ReadonlySet<string> = new Set(["count", "timeoutMs"]);
const PREFIX = /^[A-Za-z0-9:._/-]{0,128}$/;
const MAX_WAIT_MS = 60_000;

/** How many replicas must receive a write before it is acknowledged. */
export interface ReplicaWait {
  /** The number of replicas, from 1. */
  readonly count: number;
  /** How long a write waits for the replicas, in milliseconds. After that its outcome is unknown. */
  readonly timeoutMs: number;
}

/** The options of `redisCache` and `valkeyCache`. */
export interface RespCacheOptions {
  /**
   * The prefix of every key: at most 128 characters of `A-Z a-z 0-9 : . _ / -`. Caches with different
   * prefixes share a server without seeing each other's records. Default `"hv:"`.
   */
  readonly keyPrefix?: string | undefined;
  /**
   * Makes each write wait until replicas have received it (`WAIT`). If too few do so in time, the write
   * throws `OutcomeUnknownError`, although the master has it. Not for a cluster.
   */
  readonly waitForReplicas?: ReplicaWait | undefined;
}

/** Throws unless the options are valid. */
export function checkCacheOptions(options: RespCacheOptions, name: string): void {
  checkOptions(options, name, OPTIONS);
  if (options.keyPrefix !== undefined) checkKeyPrefix(options.keyPrefix);
  const { waitForReplicas } = options;
  if (waitForReplicas === undefined) return;
  checkOptions(waitForReplicas, "waitForReplicas", WAIT_OPTIONS);
  checkInteger(waitForReplicas.count, "waitForReplicas.count", { min: 1, max: 1000 });
  checkInteger(waitForReplicas.timeoutMs, "waitForReplicas.timeoutMs", {
    min: 1,
    max: MAX_WAIT_MS,
  });
}

/** Throws unless `prefix` is valid: braces would break hash tags, and pattern characters would break scans. */
export function checkKeyPrefix(prefix: unknown): asserts prefix is string {
  if (typeof prefix !== "string") throw new TypeError("keyPrefix must be a string");
  if (!PREFIX.test(prefix)) {
    throw new RangeError("keyPrefix must have at most 128 characters of A-Z a-z 0-9 : . _ / -");
  }
}
