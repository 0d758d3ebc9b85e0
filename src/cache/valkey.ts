/**
 * A cache on Valkey, single, behind Sentinel or as a Cluster, over `iovalkey`.
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
/** What to connect to. */
export type ValkeyTarget = RespTarget;
/** A host and a port: of a cluster's node, or of a sentinel. */
export type ValkeyAddress = RespAddress;
/** How to verify a server, and how to prove oneself to it. */
export type ValkeyTlsOptions = RespTlsOptions;
/** The options of {@link valkeyCache}. */
export type ValkeyCacheOptions = RespCacheOptions;

/**
 * Wraps a connection of iovalkey you own; `close()` leaves it open.
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
 * Connects with `iovalkey`; `close()` disconnects.
 *
 * @param target - `valkey://user:password@host:port/db`, `valkeys://…` for TLS, or the parts, a cluster's
 *   nodes, or sentinels.
 * @throws PeerMissingError The package `iovalkey` is not installed.
 * @throws CacheUnavailableError The server cannot be reached, or refuses the credentials.
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
