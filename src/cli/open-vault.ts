/** Opens the vault that a policy file describes. */
import { HandleVault } from "../handle-vault.js";
import { KeyRing } from "../keys/key-ring.js";
import type { CacheBackend, KeyProvider } from "../vault/contracts.js";
import { CommandError, FAILED } from "./command-error.js";
import type { PolicyFile } from "./policy-file.js";
import type { CacheData, KeysData } from "./policy-schema.js";

/**
 * Opens the vault of a policy; closing it closes its cache.
 *
 * @throws CommandError The keys cannot be read, or a path or URL is none.
 * @throws CacheUnavailableError `PeerMissingError` `PeerBrokenError`
 */
export async function openVault({ data, pathOf }: PolicyFile): Promise<HandleVault> {
  const { cache, keys } = data.vault;
  try {
    const ring = await openKeys(keys, pathOf);
    return new HandleVault({ cache: await openCache(cache, pathOf), keys: ring });
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new CommandError(`the vault cannot be opened: ${error.message}`, FAILED);
  }
}

type PathOf = PolicyFile["pathOf"];

async function openKeys(
  keys: KeysData | undefined,
  pathOf: PathOf,
): Promise<KeyProvider | undefined> {
  if (keys === undefined) return undefined;
  const { file, env, mounted } = keys;
  if (file !== undefined) return KeyRing.fromFile(pathOf(file), { mounted });
  return env === undefined ? undefined : KeyRing.fromEnv(env);
}

async function openCache(cache: CacheData, pathOf: PathOf): Promise<CacheBackend | undefined> {
  if (cache === "memory") return undefined;
  const { sqlite, lmdb, redis, valkey } = cache;
  if (sqlite !== undefined) {
    const { openSqliteCache } = await import("../cache/sqlite.js");
    return openSqliteCache(pathOf(sqlite));
  }
  if (lmdb !== undefined) {
    const { openLmdbCache } = await import("../cache/lmdb.js");
    return openLmdbCache(pathOf(lmdb));
  }
  if (redis !== undefined) {
    const { openRedisCache } = await import("../cache/redis.js");
    return openRedisCache(redis);
  }
  const { openValkeyCache } = await import("../cache/valkey.js");
  return openValkeyCache(valkey ?? "");
}
