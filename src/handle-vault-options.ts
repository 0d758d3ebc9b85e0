/** The options of a vault: their checks, their defaults, and which combinations are refused. */
import { memoryCache } from "./cache/memory.js";
import { aes256GcmEncryptor, keyProviderOf } from "./codec/encryptor/aes-256-gcm.js";
import { isVaultCodec, VaultCodec } from "./codec/vault-codec.js";
import { KeyRing } from "./keys/key-ring.js";
import { type PendingWrites, pendingWritesUnder } from "./records/pending-writes.js";
import {
  checkBoolean,
  checkInteger,
  checkLeakGuard,
  checkMethods,
  checkOptions,
  checkPrincipal,
} from "./vault/checks.js";
import { systemClock } from "./vault/clock.js";
import {
  type CacheBackend,
  type Clock,
  DEFAULT_INLINE_BYTES,
  type Encryptor,
  type KeyProvider,
  MAX_FRONT_BYTES,
  MAX_INLINE_BYTES,
} from "./vault/contracts.js";
import { CacheUnsafeError } from "./vault/errors.js";
import type { LeakGuardSetting } from "./vault/safe-view.js";

const DEFAULT_CACHE_TIMEOUT_MS = 2000;
const OPTIONS: ReadonlySet<string> = new Set([
  "cache",
  "keys",
  "codec",
  "clock",
  "tenant",
  "acceptVolatile",
  "cacheTimeoutMs",
  "keyTimeoutMs",
  "leakGuard",
]);
const CACHE_METHODS = [
  "ready",
  "insert",
  "get",
  "getBody",
  "replace",
  "delete",
  "purgeExpired",
  "scan",
  "close",
] as const;

/** The options of a {@link HandleVault}. Each has a safe default. */
export interface HandleVaultOptions {
  /** Where records are stored; the vault closes it. Default: {@link memoryCache}. */
  readonly cache?: CacheBackend | undefined;
  /** The keys of the default encryptor. Default: one random key that only this process has. */
  readonly keys?: KeyProvider | undefined;
  /** The codec of payloads. Default: JSON, not compressed, under the default encryptor. */
  readonly codec?: VaultCodec | undefined;
  /** The source of the time. If it goes backwards, the vault's time stands still. */
  readonly clock?: Clock | undefined;
  /** The tenant that records are bound to. Vaults of other tenants refuse them, even with the same keys. */
  readonly tenant?: string | undefined;
  /** Whether to accept a shared or lasting cache that may evict or lose acknowledged records. */
  readonly acceptVolatile?: boolean | undefined;
  /** The timeout of one cache operation, in milliseconds. Default 2,000. */
  readonly cacheTimeoutMs?: number | undefined;
  /** The timeout of one call of a key service, in milliseconds. Default 4,000. */
  readonly keyTimeoutMs?: number | undefined;
  /** The values that safe views may show; `"off"` disables the check. Default: none. */
  readonly leakGuard?: LeakGuardSetting | undefined;
}

/** The options of a vault, checked and with defaults. */
export interface VaultParts {
  readonly cache: CacheBackend;
  readonly codec: VaultCodec;
  readonly encryptor: Encryptor;
  readonly pendingWrites: PendingWrites;
  readonly clock: Clock;
  readonly tenant: string | undefined;
  readonly acceptVolatile: boolean;
  readonly leakGuard: LeakGuardSetting;
  /** The timeout of one cache operation, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxInlineBytes: number;
  readonly frontBytes: number;
}

/**
 * Checks the options of a vault, and returns them with defaults.
 *
 * @throws TypeError An option is unknown or of the wrong type, or both `keys` and a codec with its
 *   own encryptor are given.
 * @throws {@link CacheUnsafeError} The cache outlives the process, but the keys do not.
 */
export function vaultParts(options: HandleVaultOptions): VaultParts {
  checkOptions(options, "HandleVault options", OPTIONS);
  const { cache = memoryCache(), codec = new VaultCodec(), tenant } = options;
  const { keys, keyTimeoutMs } = options;
  const { clock = systemClock(), cacheTimeoutMs = DEFAULT_CACHE_TIMEOUT_MS } = options;
  const { acceptVolatile = false, leakGuard = { allow: [] } } = options;
  const { maxInlineBytes = DEFAULT_INLINE_BYTES, frontBytes = 0 } = cache;
  if (!isVaultCodec(codec)) throw new TypeError("codec must be a VaultCodec");
  if ((keys ?? keyTimeoutMs) !== undefined && codec.encryptor !== undefined) {
    throw new TypeError("keys are for the default encryptor: the codec brings one of its own");
  }
  checkMethods(cache, "cache", CACHE_METHODS);
  checkInteger(maxInlineBytes, "cache.maxInlineBytes", { min: 0, max: MAX_INLINE_BYTES });
  checkInteger(frontBytes, "cache.frontBytes", { min: 0, max: MAX_FRONT_BYTES });
  checkMethods(clock, "clock", ["now"]);
  if (tenant !== undefined) checkPrincipal(tenant, "tenant");
  checkBoolean(acceptVolatile, "acceptVolatile");
  checkInteger(cacheTimeoutMs, "cacheTimeoutMs", { min: 1, max: 2 ** 31 - 1 });
  checkLeakGuard(leakGuard, "leakGuard");
  const encryptor =
    codec.encryptor ?? aes256GcmEncryptor({ keys: keys ?? KeyRing.ephemeral(), keyTimeoutMs });
  if (isLasting(cache) && !encryptor.durable) throw new CacheUnsafeError("ephemeral-keys");
  return {
    cache,
    codec,
    encryptor,
    pendingWrites: pendingWritesUnder(keyProviderOf(encryptor) ?? encryptor),
    clock,
    tenant,
    acceptVolatile,
    leakGuard,
    timeoutMs: cacheTimeoutMs,
    maxInlineBytes,
    frontBytes,
  };
}

/** Returns whether a cache outlives this process or is shared with others. */
export function isLasting(cache: CacheBackend): boolean {
  return cache.outlivesProcess || cache.shared;
}
