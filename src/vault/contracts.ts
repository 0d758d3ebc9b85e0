/**
 * The contracts of the vault's replaceable parts. Implement one of these to use a part of your own.
 *
 * @module
 */
import type { Buffer } from "node:buffer";

/** Plain bytes: the type `Uint8Array` in every TypeScript from 5.7 on, generic or not. */
export type Bytes = ReturnType<typeof Uint8Array.of>;

/** A value, or a promise of it: a part that does not wait for anything should return the value itself. */
export type MaybePromise<T> = T | Promise<T>;

/** The source of the current time. */
export interface Clock {
  /** Returns milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

/** Turns payloads into bytes and back without loss. */
export interface Serializer {
  /** Identifies the serializer in records: 128 to 255 are for applications, the others for the library. */
  readonly id: number;
  /** Loads the dependencies of the serializer. Awaited before the first use. */
  ready?(): MaybePromise<void>;
  /**
   * Returns the payload as bytes, or as text that is stored as UTF-8.
   *
   * The codec rejects a result of more than `maxBytes`. A serializer should stop early once the result is
   * certain to be larger.
   *
   * @throws TypeError The payload contains a value that would not be restored exactly. The message names
   *   the place of the value, never the value.
   * @throws PayloadTooLargeError The result would certainly have more than `maxBytes`.
   */
  serialize(data: unknown, maxBytes?: number): Uint8Array | string;
  /** Returns a new copy of the payload. Must not keep a reference to `bytes`, which are wiped later. */
  deserialize(bytes: Buffer): unknown;
}

/** Compresses and decompresses bytes. */
export interface Compressor {
  /** Identifies the compressor in records: 128 to 255 are for applications, the others for the library. */
  readonly id: number;
  /** Payloads with fewer bytes are stored uncompressed. */
  readonly thresholdBytes: number;
  /** Loads the dependencies of the compressor. Awaited before the first use. */
  ready?(): MaybePromise<void>;
  /** Returns the compressed form of `bytes`, which are never empty. */
  compress(bytes: Uint8Array): MaybePromise<Uint8Array>;
  /**
   * Returns the `length` bytes that were compressed. Must never produce more bytes than that.
   *
   * @throws RecordIntegrityError The input is damaged, or its content has another length.
   */
  decompress(bytes: Uint8Array, length: number): MaybePromise<Uint8Array>;
}

/** The context that a ciphertext is bound to: it decrypts in exactly this context. */
export interface EncryptionContext {
  /** Which part of a record the ciphertext is. */
  readonly block: "head";
  /** Version of the record format. */
  readonly version: number;
  /** The flags byte of the record. */
  readonly flags: number;
  /** SHA-256 of the handle id, in base64url. */
  readonly lookupId: string;
  /** The vault's tenant, if it has one. */
  readonly tenant?: string | undefined;
}

/** The current key of an encryptor, and a number that changes with every change to its keys. */
export interface KeyState {
  readonly currentKeyId: string;
  readonly epoch: number;
}

/** Encrypts and authenticates bytes, bound to a context. */
export interface Encryptor {
  /** Whether its keys outlive this process. */
  readonly durable: boolean;
  /**
   * Returns the ciphertext. Equal plaintexts must give different ciphertexts.
   *
   * The caller wipes `plaintext` as soon as the call returns, so an asynchronous encryptor must copy it
   * first.
   */
  encrypt(plaintext: Uint8Array, context?: EncryptionContext): MaybePromise<Uint8Array>;
  /**
   * Returns the plaintext in an unshared buffer, which the caller wipes.
   *
   * @throws KeyNotFoundError The key that the ciphertext names is not known.
   * @throws RecordIntegrityError The ciphertext or the context is wrong in any other way.
   */
  decrypt(ciphertext: Uint8Array, context?: EncryptionContext): MaybePromise<Uint8Array>;
  /** Returns the id of the key that the ciphertext depends on. The id is not authenticated. */
  keyIdOf?(ciphertext: Uint8Array): string;
  /** Returns the key of new ciphertexts of a tenant; reports of a rewrap name it. */
  keyState?(tenant?: string): KeyState;
  /** Returns the same ciphertext under the current key of its tenant; `undefined` if the key is current already. */
  rewrap?(ciphertext: Uint8Array, tenant?: string): MaybePromise<Uint8Array | undefined>;
}

/** A data key, wrapped under a key that never leaves its provider. */
export interface WrappedKey {
  /** Names the wrapping key: 1 to 64 characters of `A-Z a-z 0-9 . _ -`. */
  readonly keyId: string;
  /** The wrapped data key, at most 65,535 bytes. */
  readonly wrapped: Uint8Array;
}

/** What a data key is for. A provider may have other keys for each tenant and purpose. */
export interface KeyContext {
  /** The tenant whose data the key encrypts; absent for data of no tenant. */
  readonly tenant?: string | undefined;
  /** What the key encrypts: `"record"` for sealed records. */
  readonly purpose: string;
  /** The version of what the key encrypts, where a wrapped key must not be moved to another version. */
  readonly version?: number | undefined;
}

/** Wraps and unwraps data keys: a `KeyRing`, or a key management service. */
export interface KeyProvider {
  /** Whether its keys outlive this process. */
  readonly durable: boolean;
  /** Returns the id of the key that `wrap` uses now. */
  currentKeyId(context: KeyContext): string;
  /** Returns a number that changes with every change to the keys of the context; cached keys are dropped then. */
  epoch(context: KeyContext): number;
  /** Returns `dataKey` wrapped under the current key. Must not keep a reference to `dataKey`. */
  wrap(dataKey: Uint8Array, context: KeyContext): MaybePromise<WrappedKey>;
  /**
   * Returns the data key in an unshared buffer, which the caller wipes.
   *
   * @throws KeyNotFoundError No key of this id is known.
   * @throws RecordIntegrityError The wrapped key was not made under the named key and for the context, or was
   *   altered.
   */
  unwrap(wrappedKey: WrappedKey, context: KeyContext): MaybePromise<Uint8Array>;
  /**
   * Returns the same data key wrapped under the current key; `undefined` if it already is. A service that has this
   * does it without handing out the data key. Default: `unwrap`, then `wrap`.
   */
  rewrap?(wrappedKey: WrappedKey, context: KeyContext): MaybePromise<WrappedKey | undefined>;
}

/** The durability of acknowledged writes, and whether a cache may evict them. */
export interface CacheCapabilities {
  /** The worst failure that a write survives: none, a crash of this process, of the system, or power loss. */
  readonly durability: "none" | "process" | "os" | "disk";
  /** Whether the cache may drop live records to make room. */
  readonly evicts: boolean;
}

/** A cache's opaque token for one state of a record. Every write makes a new one. */
export type Revision = string | number;

/** A record as a cache stores it under a key. */
export interface CacheRecord {
  readonly head: Uint8Array;
  /**
   * The body of a large payload; written once, with the record, and never rewritten. The cache may keep
   * this buffer itself, because the caller does not change it afterwards.
   */
  readonly body?: Uint8Array | undefined;
}

/** The result of `get`. The cache owns the bytes: the caller must not change them. */
export interface CacheEntry {
  readonly head: Uint8Array;
  readonly revision: Revision;
  readonly hasBody: boolean;
}

/** One page of a scan. */
export interface CachePage {
  readonly entries: readonly {
    readonly key: string;
    readonly head: Uint8Array;
    readonly revision: Revision;
  }[];
  /** The cursor of the next page; absent when the scan is complete. */
  readonly cursor?: string | undefined;
}

/** Bounds on the time of one cache operation. */
export interface CacheCallOptions {
  /** The longest duration of the call, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Cancels the call when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link CacheBackend.insert}. */
export interface InsertOptions extends CacheCallOptions {
  /** The purge time, in milliseconds from now: the cache may remove the record after it. */
  readonly purgeAfterMs: number;
}

/** Options of {@link CacheBackend.replace}. */
export interface ReplaceOptions extends CacheCallOptions {
  /** The state to replace; any other state is a conflict. */
  readonly ifRevision: Revision;
  /** A new purge time, in milliseconds from now; unchanged when absent. */
  readonly purgeAfterMs?: number | undefined;
  /** Removes the body with the same write. */
  readonly dropBody?: boolean | undefined;
}

/** The default of {@link CacheBackend.maxInlineBytes}. */
export const DEFAULT_INLINE_BYTES = 4096;
/** The greatest value of {@link CacheBackend.maxInlineBytes}. */
export const MAX_INLINE_BYTES = 32_768;

/**
 * The store of sealed records. Keys are opaque strings, values opaque bytes. A cache belongs to one vault,
 * which closes it. Several vaults can share records, but not a cache object.
 *
 * A failed operation throws, and a failure is never reported as a miss:
 *
 * - `CacheUnavailableError`: the operation certainly changed nothing.
 * - `OutcomeUnknownError`: the operation may or may not have changed something.
 * - `CacheFullError`: there is no free space.
 * - `CacheUnsafeError`, from `insert` and `replace`: the cache no longer has the capabilities that `ready`
 *   returned last. It is thrown until `ready` is called again.
 *
 * The caller may reuse the buffer of a head once a call has settled. `handlevault/testing` has the laws
 * that every implementation must pass.
 */
export interface CacheBackend {
  /** Whether other processes can reach the same records. */
  readonly shared: boolean;
  /** Whether records outlive this process. */
  readonly outlivesProcess: boolean;
  /**
   * The largest payload, in stored bytes, that is placed in the head of its record; larger ones get a body.
   * Default 4,096. Raise it for a cache that stores one value faster than two. At most 32,768, because the
   * whole head is rewritten when its access policy changes.
   */
  readonly maxInlineBytes?: number;
  /**
   * Makes the cache usable and returns its current capabilities. Awaited before the first operation, and
   * again after a `CacheUnsafeError`.
   */
  ready(): MaybePromise<CacheCapabilities>;
  /** Stores a record, unless the key exists. */
  insert(
    key: string,
    record: CacheRecord,
    options: InsertOptions,
  ): MaybePromise<"inserted" | "exists">;
  /**
   * Returns a record, even after its purge time, until it is purged; `"evicted"` if it was dropped to free
   * space.
   */
  get(key: string, options?: CacheCallOptions): MaybePromise<CacheEntry | "evicted" | undefined>;
  /** Returns the body of a record; `undefined` if there is none. */
  getBody(key: string, options?: CacheCallOptions): MaybePromise<Uint8Array | undefined>;
  /** Replaces the head of one state of a record, or deletes the record when `head` is `undefined`. */
  replace(
    key: string,
    head: Uint8Array | undefined,
    options: ReplaceOptions,
  ): MaybePromise<"replaced" | "conflict" | "absent">;
  /** Deletes a record in any state. Returns whether there was one. */
  delete(key: string, options?: CacheCallOptions): MaybePromise<boolean>;
  /** Removes at most `limit` records whose purge time has passed. Returns the number of removed records. */
  purgeExpired(limit: number, options?: CacheCallOptions): MaybePromise<number>;
  /** Returns every record at least once, page by page. A record may be returned more than once. */
  scan(cursor?: string, options?: CacheCallOptions): MaybePromise<CachePage>;
  /** Closes the resources that the cache opened itself. May be called more than once. */
  close(): MaybePromise<void>;
}
