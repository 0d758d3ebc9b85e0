/**
 * The default encryptor: AES-256-GCM under data keys.
 *
 * The output is the data key header, then nonce, ciphertext and tag.
 */
import { Buffer } from "node:buffer";
import type { DataKey } from "../../keys/data-key.js";
import { headerKeyId, headerLength } from "../../keys/data-key-header.js";
import { DataKeys } from "../../keys/data-keys.js";
import { RECORD_KEYS } from "../../keys/key-wrap.js";
import {
  type AesKey,
  decryptAes256Gcm,
  encryptAes256Gcm,
  NONCE_BYTES,
  TAG_BYTES,
} from "../../primitives/aes-256-gcm.js";
import { setBounded } from "../../primitives/bounded-map.js";
import { asBuffer } from "../../primitives/bytes.js";
import { encodeContext } from "../../vault/context.js";
import type {
  EncryptionContext,
  Encryptor,
  KeyProvider,
  KeyState,
  MaybePromise,
} from "../../vault/contracts.js";
import { RecordIntegrityError } from "../../vault/errors.js";
import { andThen, isPromise } from "../../vault/maybe-promise.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  required,
  such,
  type WithDefaults,
} from "../../vault/options.js";

/** Options of {@link aes256GcmEncryptor}. */
export interface Aes256GcmOptions {
  /** A `KeyRing`, or a key management service. */
  readonly keys: KeyProvider;
  /** The timeout of one call of the provider, in milliseconds. Default 4,000. */
  readonly keyTimeoutMs?: number | undefined;
}

/**
 * Returns an encryptor that generates data keys, which are wrapped under the keys of a provider.
 *
 * @example
 * ```ts
 * const codec = new VaultCodec({ encryptor: aes256GcmEncryptor({ keys: KeyRing.fromEnv("KEYS") }) });
 * ```
 */
export function aes256GcmEncryptor(options: Aes256GcmOptions): Required<Encryptor> {
  const named = { name: "aes256GcmEncryptor options", prefix: "" };
  const { keys, keyTimeoutMs: timeoutMs } = readOptions(options, OPTIONS, named);
  const encryptor = new Aes256GcmEncryptor(keys, timeoutMs);
  providers.set(encryptor, keys);
  return encryptor;
}

const providers = new WeakMap<Encryptor, KeyProvider>();

/** Returns the provider of an encryptor that {@link aes256GcmEncryptor} returned. */
export function keyProviderOf(encryptor: Encryptor): KeyProvider | undefined {
  return providers.get(encryptor);
}

const OPTIONS: OptionsTable<WithDefaults<Aes256GcmOptions>> = {
  keys: required(such<KeyProvider>("a KeyRing, or an object", "wrap", "unwrap")),
  // The range of Node's timers.
  keyTimeoutMs: optional(integerWithin(1, 2 ** 31 - 1)),
};
/** The most tenants whose data keys are kept. */
const MAX_TENANTS = 10_000;
/** The memory of each nonce in turn, which is copied into the ciphertext. */
const nextNonce: Buffer = Buffer.alloc(NONCE_BYTES);

class Aes256GcmEncryptor implements Encryptor {
  readonly #provider: KeyProvider;
  readonly #timeoutMs: number | undefined;
  /** The data keys of records without a tenant. */
  readonly #keys: DataKeys;
  readonly #keysByTenant = new Map<string, DataKeys>();

  constructor(provider: KeyProvider, timeoutMs: number | undefined) {
    this.#provider = provider;
    this.#timeoutMs = timeoutMs;
    this.#keys = new DataKeys(provider, { timeoutMs });
  }

  get durable(): boolean {
    return this.#keys.durable;
  }

  /** Returns the data keys of a tenant. The least recently used ones are dropped, and made again when needed. */
  #keysOf(tenant: string | undefined): DataKeys {
    if (tenant === undefined) return this.#keys;
    const context = { ...RECORD_KEYS, tenant };
    const keys =
      this.#keysByTenant.get(tenant) ??
      new DataKeys(this.#provider, { timeoutMs: this.#timeoutMs, context });
    setBounded(this.#keysByTenant, tenant, keys, MAX_TENANTS);
    return keys;
  }

  encrypt(plaintext: Uint8Array, context?: EncryptionContext): MaybePromise<Uint8Array> {
    const dataKey = this.#keysOf(context?.tenant).forEncryption();
    if (!isPromise(dataKey)) return encryptUnder(dataKey, plaintext, context);
    const copy = Buffer.allocUnsafeSlow(plaintext.length);
    copy.set(plaintext);
    return dataKey.then((key) => encryptUnder(key, copy, context)).finally(() => copy.fill(0));
  }

  decrypt(ciphertext: Uint8Array, context?: EncryptionContext): MaybePromise<Uint8Array> {
    const bytes = asBuffer(ciphertext);
    const length = headerLength(bytes);
    const key = this.#keysOf(context?.tenant).forDecryption(bytes, length);
    if (!isPromise(key)) return openAes256Gcm(key, bytes, length, associatedDataOf(context));
    return key.then((opened) => openAes256Gcm(opened, bytes, length, associatedDataOf(context)));
  }

  keyIdOf(ciphertext: Uint8Array): string {
    return headerKeyId(asBuffer(ciphertext));
  }

  keyState(tenant?: string): KeyState {
    return this.#keysOf(tenant).keyState;
  }

  rewrap(ciphertext: Uint8Array, tenant?: string): MaybePromise<Uint8Array | undefined> {
    const bytes = asBuffer(ciphertext);
    const length = headerLength(bytes);
    return andThen(this.#keysOf(tenant).rewrap(bytes.subarray(0, length)), (header) =>
      header === undefined ? undefined : Buffer.concat([header, bytes.subarray(length)]),
    );
  }
}

/**
 * Decrypts the `nonce ‖ ciphertext ‖ tag` that starts at `offset`.
 *
 * @throws {@link RecordIntegrityError} The input is too short, or not encrypted under this key and data.
 */
export function openAes256Gcm(
  key: AesKey,
  sealed: Buffer,
  offset: number,
  associatedData: Uint8Array | undefined,
): Buffer {
  const ciphertextAt = offset + NONCE_BYTES;
  const tagAt = sealed.length - TAG_BYTES;
  if (tagAt < ciphertextAt) throw new RecordIntegrityError();
  const nonce = sealed.subarray(offset, ciphertextAt);
  const ciphertext = sealed.subarray(ciphertextAt, tagAt);
  const tag = sealed.subarray(tagAt);
  const plaintext = decryptAes256Gcm(key, nonce, { ciphertext, tag }, associatedData);
  if (plaintext === undefined) throw new RecordIntegrityError();
  return plaintext;
}

/** Encrypts synchronously: no other code may run between the choice of the nonce and its use. */
function encryptUnder(
  dataKey: DataKey,
  plaintext: Uint8Array,
  context: EncryptionContext | undefined,
): Buffer {
  dataKey.nextNonce(plaintext.length, nextNonce);
  const { ciphertext, tag } = encryptAes256Gcm(
    dataKey.key,
    nextNonce,
    plaintext,
    associatedDataOf(context),
  );
  return Buffer.concat([dataKey.header, nextNonce, ciphertext, tag]);
}

function associatedDataOf(context: EncryptionContext | undefined): Uint8Array | undefined {
  return context === undefined ? undefined : encodeContext(context);
}
