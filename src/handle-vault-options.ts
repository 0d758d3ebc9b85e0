/** The options of a vault: their checks, their defaults, and which combinations are refused. */
import { memoryCache } from "./cache/memory.js";
import { aes256GcmEncryptor, keyProviderOf } from "./codec/encryptor/aes-256-gcm.js";
import { isVaultCodec, VaultCodec } from "./codec/vault-codec.js";
import { ephemeralKeys } from "./keys/ephemeral-keys.js";
import { type PendingWrites, pendingWritesUnder } from "./records/pending-writes.js";
import { checkBoolean, checkInteger, checkLeakGuard, checkPrincipal } from "./vault/checks.js";
import { systemClock } from "./vault/clock.js";
import {
  type CacheBackend,
  type Clock,
  DEFAULT_INLINE_BYTES,
  type Encryptor,
  type KeyProvider,
  MAX_INLINE_BYTES,
} from "./vault/contracts.js";
import { CacheUnsafeError } from "./vault/errors.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
  withMethods,
} from "./vault/options.js";
import type { LeakGuardSetting } from "./vault/safe-view.js";

const DEFAULT_CACHE_TIMEOUT_MS = 2000;
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

type Settings = WithDefaults<HandleVaultOptions, "acceptVolatile" | "cacheTimeoutMs" | "leakGuard">;

const OPTIONS: OptionsTable<Settings> = {
  cache: optional(withMethods<CacheBackend>(...CACHE_METHODS)),
  keys: (value) => value as KeyProvider | undefined,
  codec: optional(checkCodec),
  clock: optional(withMethods<Clock>("now")),
  tenant: optional(checkPrincipal),
  acceptVolatile: optional(checkBoolean, false),
  cacheTimeoutMs: optional(integerWithin(1, 2 ** 31 - 1), DEFAULT_CACHE_TIMEOUT_MS),
  keyTimeoutMs: (value) => value as number | undefined,
  leakGuard: optional(checkLeakGuard, { allow: [] }),
};

/** The parts of a vault, from its options. */
export interface VaultParts extends Pick<Settings, "tenant" | "acceptVolatile" | "leakGuard"> {
  readonly cache: CacheBackend;
  readonly codec: VaultCodec;
  readonly clock: Clock;
  readonly encryptor: Encryptor;
  readonly pendingWrites: PendingWrites;
  /** The timeout of one cache operation, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxInlineBytes: number;
}

/**
 * Checks the options of a vault, and returns them with defaults.
 *
 * @throws TypeError An option is unknown or of the wrong type, or both `keys` and a codec with its
 *   own encryptor are given.
 * @throws {@link CacheUnsafeError} The cache outlives the process, but the keys do not.
 */
export function vaultParts(options: HandleVaultOptions): VaultParts {
  const settings = readOptions(options, OPTIONS, { name: "HandleVault options", prefix: "" });
  const { keys, keyTimeoutMs, tenant, acceptVolatile, leakGuard } = settings;
  const { cache = memoryCache(), codec = new VaultCodec(), clock = systemClock() } = settings;
  const { maxInlineBytes = DEFAULT_INLINE_BYTES } = cache;
  if ((keys ?? keyTimeoutMs) !== undefined && codec.encryptor !== undefined) {
    throw new TypeError("keys are for the default encryptor: the codec brings one of its own");
  }
  checkInteger(maxInlineBytes, "cache.maxInlineBytes", { min: 0, max: MAX_INLINE_BYTES });
  const encryptor =
    codec.encryptor ?? aes256GcmEncryptor({ keys: keys ?? ephemeralKeys(), keyTimeoutMs });
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
    timeoutMs: settings.cacheTimeoutMs,
    maxInlineBytes,
  };
}

function checkCodec(value: unknown): asserts value is VaultCodec {
  if (!isVaultCodec(value)) throw new TypeError("codec must be a VaultCodec");
}

/** Returns whether a cache outlives this process or is shared with others. */
export function isLasting(cache: CacheBackend): boolean {
  return cache.outlivesProcess || cache.shared;
}
