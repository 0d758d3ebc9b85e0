/**
 * Seals secrets and sensitive payloads behind opaque handles.
 *
 * @module
 */
export { type MemoryCacheOptions, memoryCache } from "./cache/memory.js";
export {
  brotliCompressor,
  deflateCompressor,
  gzipCompressor,
  type LevelOptions,
} from "./codec/compressor/zlib.js";
export { type Aes256GcmOptions, aes256GcmEncryptor } from "./codec/encryptor/aes-256-gcm.js";
export { plaintextEncryptor } from "./codec/encryptor/plaintext.js";
export { jsonSerializer } from "./codec/serializer/json.js";
export { VaultCodec, type VaultCodecOptions } from "./codec/vault-codec.js";
export { HandleVault } from "./handle-vault.js";
export type { HandleVaultOptions } from "./handle-vault-options.js";
export {
  type ForcedRemoval,
  generateKey,
  type KeyMaterial,
  KeyRing,
  type KeyRingOptions,
  type PassphraseOptions,
  type RemovalProof,
} from "./keys/key-ring.js";
export type { KeyFileOptions } from "./keys/key-sources.js";
export type { NewPassphrase, PassphraseCost } from "./keys/passphrase.js";
export type { RewrapOptions, RewrapReport } from "./records/rewrap.js";
export type * from "./vault/contracts.js";
export {
  type AnyVaultError,
  HandleAccessDeniedError,
  HandleEvictedError,
  HandleExhaustedError,
  HandleExpiredError,
  HandleNotFoundError,
  isVaultError,
  VaultError,
  type VaultErrorCode,
  type VaultErrorOf,
} from "./vault/errors.js";
export {
  HandleDescription,
  type HandleReference,
  handleIdOf,
  OpaqueHandle,
  type WireDescription,
  type WireHandle,
} from "./vault/handle.js";
export {
  type LeakGuardOptions,
  type LeakGuardSetting,
  SafeView,
  type SafeViewFields,
  type Summarizer,
  type SummaryContext,
} from "./vault/safe-view.js";
export type { StandardIssue, StandardResult, StandardSchema } from "./vault/standard-schema.js";
export type {
  CallOptions,
  ChangeOptions,
  Outcome,
  SafeViewChoice,
  SealOptions,
  SealRequest,
  SealTerms,
  UnsealOptions,
  UnsealRequest,
  Vault,
} from "./vault/vault.js";
