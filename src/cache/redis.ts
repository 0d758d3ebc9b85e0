/**
 * A cache on Redis or KeyDB, over `ioredis`: a single server, behind Sentinel, or a cluster.
 *
 * @module
 */
import { loadPeer } from "../load-peer.js";
import type { CacheBackend } from "../vault/contracts.js";
import { RespCache } from "./resp/backend.js";
import { openRespCache } from "./resp/open.js";
import type { RespCacheOptions } from "./resp/options.js";
import type { RespAddress, RespTarget, RespTlsOptions } from "./resp/target.js";
import type { RespConnection } from "./resp/vendor.js";

/** A `Redis` or `Cluster` of ioredis. */
export type RedisConnection = RespConnection;
/** A server, a cluster, or a master that sentinels know. */
export type RedisTarget = RespTarget;
/** The host and the port of a cluster's node or of a sentinel. */
export type RedisAddress = RespAddress;
/** How to verify a server and to authenticate to it. */
export type RedisTlsOptions = RespTlsOptions;
/** The options of {@link redisCache}. */
export type RedisCacheOptions = RespCacheOptions;

/**
 * Returns a cache on a connection of ioredis that you own. `close()` leaves the connection open.
 *
 * Give each vault its own cache; several caches may share a connection. A vault that starts reads the
 * server's durability, and its cache requires that durability from then on.
 *
 * The settings of the connection are yours. Recommended: `enableOfflineQueue: false`, to fail early, and
 * on a cluster `enableAutoPipelining: true`, for speed.
 *
 * @throws TypeError The connection has its own `keyPrefix` or reads from replicas, or
 *   `waitForReplicas` is used with a cluster.
 *
 * @example
 * ```ts
 * const redis = new Redis({ enableOfflineQueue: false });
 * const vault = new HandleVault({ cache: redisCache(redis), keys: KeyRing.fromEnv("VAULT_KEYS") });
 * ```
 */
export function redisCache(
  connection: RedisConnection,
  options: RedisCacheOptions = {},
): CacheBackend {
  return new RespCache(connection, options, "borrowed");
}

/**
 * Connects with `ioredis` and returns a cache. `close()` disconnects.
 *
 * @param target - A URL, `redis://user:password@host:port/db` or `rediss://…` for TLS, or an object with
 *   its parts, the nodes of a cluster, or sentinels.
 * @throws PeerMissingError The package `ioredis` is not installed.
 * @throws CacheUnavailableError The server cannot be reached, or rejects the credentials.
 *
 * @example
 * ```ts
 * const cache = await openRedisCache("rediss://vault:secret@redis.example.org:6379");
 * const vault = new HandleVault({ cache, keys: KeyRing.fromEnv("VAULT_KEYS") });
 * ```
 */
export async function openRedisCache(
  target: string | RedisTarget,
  options: RedisCacheOptions = {},
): Promise<CacheBackend> {
  return openRespCache(() => loadPeer("ioredis", () => import("ioredis")), target, options);
}
