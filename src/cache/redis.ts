/**
 * A cache on Redis, single, behind Sentinel or as a Cluster, over `ioredis`; on KeyDB as well.
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
/** What to connect to. */
export type RedisTarget = RespTarget;
/** A host and a port: of a cluster's node, or of a sentinel. */
export type RedisAddress = RespAddress;
/** How to verify a server, and how to prove oneself to it. */
export type RedisTlsOptions = RespTlsOptions;
/** The options of {@link redisCache}. */
export type RedisCacheOptions = RespCacheOptions;

/**
 * Wraps a connection of ioredis you own; `close()` leaves it open.
 *
 * A cache is for one vault: when a vault asks what the server promises, that counts for all that use the
 * cache. Give each vault a cache of its own; they may share the connection.
 *
 * Its settings stay yours: `enableOfflineQueue: false` makes it fail early, and on a cluster
 * `enableAutoPipelining: true` makes it fast.
 *
 * @throws TypeError The connection has a `keyPrefix` of its own or reads from replicas, or
 *   `waitForReplicas` is asked of a cluster.
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
 * Connects with `ioredis`; `close()` disconnects.
 *
 * @param target - `redis://user:password@host:port/db`, `rediss://…` for TLS, or the parts, a cluster's
 *   nodes, or sentinels.
 * @throws PeerMissingError The package `ioredis` is not installed.
 * @throws CacheUnavailableError The server cannot be reached, or refuses the credentials.
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
