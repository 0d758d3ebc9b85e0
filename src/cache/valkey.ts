/**
 * A cache on Valkey, over `iovalkey`: a single server, behind Sentinel, or a cluster.
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

/** A `Valkey` or `Cluster` of iovalkey. */
export type ValkeyConnection = RespConnection;
/** A server, a cluster, or a master that sentinels know. */
export type ValkeyTarget = RespTarget;
/** The host and the port of a cluster's node or of a sentinel. */
export type ValkeyAddress = RespAddress;
/** How to verify a server and to authenticate to it. */
export type ValkeyTlsOptions = RespTlsOptions;
/** The options of {@link valkeyCache}. */
export type ValkeyCacheOptions = RespCacheOptions;

/**
 * Returns a cache on a connection of iovalkey that you own. `close()` leaves the connection open.
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
 * const connection = new Valkey({ enableOfflineQueue: false });
 * const vault = new HandleVault({ cache: valkeyCache(connection), keys: KeyRing.fromEnv("VAULT_KEYS") });
 * ```
 */
export function valkeyCache(
  connection: ValkeyConnection,
  options: ValkeyCacheOptions = {},
): CacheBackend {
  return new RespCache(connection, options, "borrowed");
}

/**
 * Connects with `iovalkey` and returns a cache. `close()` disconnects.
 *
 * @param target - A URL, `valkey://user:password@host:port/db` or `valkeys://…` for TLS, or an object with
 *   its parts, the nodes of a cluster, or sentinels.
 * @throws PeerMissingError The package `iovalkey` is not installed.
 * @throws CacheUnavailableError The server cannot be reached, or rejects the credentials.
 *
 * @example
 * ```ts
 * const cache = await openValkeyCache("valkeys://vault:secret@valkey.example.org:6379");
 * const vault = new HandleVault({ cache, keys: KeyRing.fromEnv("VAULT_KEYS") });
 * ```
 */
export async function openValkeyCache(
  target: string | ValkeyTarget,
  options: ValkeyCacheOptions = {},
): Promise<CacheBackend> {
  return openRespCache(() => loadPeer("iovalkey", () => import("iovalkey")), target, options);
}
