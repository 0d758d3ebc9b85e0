/**
 * What the vault needs from its parts. Implement one of these to plug in a part of your own.
 *
 * @module
 */

/** Plain bytes. The alias fits `Uint8Array` in every TypeScript from 5.7 on, generic or not. */
export type Bytes = ReturnType<typeof Uint8Array.of>;

/** A value, or a promise of it: parts that need no waiting should not make anybody wait. */
export type MaybePromise<T> = T | Promise<T>;

/** Tells the time. */
export interface Clock {
  /** Returns milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

/** Turns payloads into bytes and back, losing nothing. */
export interface Serializer {
  /** Names the serializer in records: 128 to 255 are yours, the others are the library's. */
  readonly id: number;
  /** Awaited before the first use; loads what the serializer needs. */
  ready?(): MaybePromise<void>;
  /**
   * Returns the payload as bytes, or as text that will be stored as UTF-8.
   *
   * The codec refuses a result of more than `maxBytes`: a serializer that sees it coming stops there.
   *
   * @throws TypeError The payload holds something that would not come back as it was. The message
   *   names where, never what.
   * @throws PayloadTooLargeError The result would certainly have more than `maxBytes`.
   */
  serialize(data: unknown, maxBytes?: number): Uint8Array | string;
  /** Returns a fresh copy of what was serialized; must not keep `bytes`, which are wiped later. */
  deserialize(bytes: Buffer): unknown;
}

/** Makes bytes fewer, and restores them. */
export interface Compressor {
  /** Names the compressor in records: 128 to 255 are yours, the others are the library's. */
  readonly id: number;
  /** Payloads shorter than this many bytes are stored as they are. */
  readonly thresholdBytes: number;
  /** Awaited before the first use; loads what the compressor needs. */
  ready?(): MaybePromise<void>;
  /** Returns the compressed form of `bytes`, which are never empty. */
  compress(bytes: Uint8Array): MaybePromise<Uint8Array>;
  /**
   * Returns the `length` bytes that were compressed, without ever producing more than that.
   *
   * @throws RecordIntegrityError The input is damaged or would give another length.
   */
  decompress(bytes: Uint8Array, length: number): MaybePromise<Uint8Array>;
}

/** What a ciphertext belongs to; it opens in exactly this context and in no other. */
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

/** Which key an encryptor uses now, and a number that changes with every change to its keys. */
export interface KeyState {
  readonly currentKeyId: string;
  readonly epoch: number;
}

/** Encrypts and authenticates bytes, bound to a context. */
export interface Encryptor {
  /** Whether its keys outlive this process. */
  readonly durable: boolean;
  /**
   * Returns the ciphertext; equal plaintexts give different ones.
   *
   * The caller overwrites `plaintext` as soon as the call returns: an encryptor that has to wait
   * for something copies it first.
   */
  encrypt(plaintext: Uint8Array, context?: EncryptionContext): MaybePromise<Uint8Array>;
  /**
   * Returns what {@link Encryptor.encrypt} does behind `frontBytes` bytes that are the caller's to fill,
   * all in memory that nobody else uses. With it, what goes before a ciphertext takes no copy.
   */
  encryptBehind?(
    frontBytes: number,
    plaintext: Uint8Array,
    context?: EncryptionContext,
  ): MaybePromise<Uint8Array>;
  /**
   * Returns the plaintext in memory that nobody else uses; the caller wipes it.
   *
   * @throws KeyNotFoundError The key that the ciphertext names is not known.
   * @throws RecordIntegrityError Anything else about the ciphertext or context is wrong.
   */
  decrypt(ciphertext: Uint8Array, context?: EncryptionContext): MaybePromise<Uint8Array>;
  /** Returns the id of the key that the ciphertext depends on; it is unauthenticated. */
  keyIdOf?(ciphertext: Uint8Array): string;
  /** The key that ciphertexts depend on from now on; reports of a rewrap name it. */
  readonly keyState?: KeyState;
  /** Returns the same ciphertext under the current key, or `undefined` if it is under it already. */
  rewrap?(ciphertext: Uint8Array): MaybePromise<Uint8Array | undefined>;
}

/** A data key, wrapped under a key that never leaves its provider. */
export interface WrappedKey {
  /** Names the wrapping key: 1 to 64 characters of `A-Z a-z 0-9 . _ -`. */
  readonly keyId: string;
  /** The wrapped data key, at most 65,535 bytes. */
  readonly wrapped: Uint8Array;
}

/** Wraps and unwraps data keys: a `KeyRing`, or a key management service. */
export interface KeyProvider {
  /** Whether its keys outlive this process. */
  readonly durable: boolean;
  /** The id of the key that `wrap` uses now. */
  readonly currentKeyId: string;
  /** A number that changes with every change to the provider's keys; what is cached is then dropped. */
  readonly epoch: number;
  /** Returns `dataKey` wrapped under the current key; must not keep it. */
  wrap(dataKey: Uint8Array): MaybePromise<WrappedKey>;
  /**
   * Returns the data key in memory that nobody else uses; the caller wipes it.
   *
   * @throws KeyNotFoundError No key of this id is known.
   * @throws RecordIntegrityError The wrapped key is not one that this key wrapped.
   */
  unwrap(wrappedKey: WrappedKey): MaybePromise<Uint8Array>;
}

/** How long acknowledged writes last, and whether a cache may drop them by itself. */
export interface CacheCapabilities {
  /** What an acknowledged write survives: nothing, a crash of this process, of the system, or power loss. */
  readonly durability: "none" | "process" | "os" | "disk";
  /** Whether the cache may drop live records to make room. */
  readonly evicts: boolean;
}

/** A cache's own token for one state of a record: opaque, and new on every write. */
export type Revision = string | number;

/** What a cache stores under a key. */
export interface CacheRecord {
  readonly head: Uint8Array;
  /**
   * How many bytes right before the head, in its memory, are the cache's to write to; none when absent.
   * A head that has some is handed over as a body is, and once: whoever passes a record on to more than one
   * cache, or to one again, leaves this out.
   */
  readonly frontBytes?: number | undefined;
  /**
   * Present for large payloads; written once, with the record, and never rewritten. It is handed over:
   * a cache may keep these very bytes, and nobody changes them afterwards.
   */
  readonly body?: Uint8Array | undefined;
}

/** What `get` finds. The bytes are the cache's: read them, never change them. */
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
  /** Where to go on; absent when the scan is complete. */
  readonly cursor?: string | undefined;
}

/** Bounds on the time of one cache operation. */
export interface CacheCallOptions {
  /** How long the call may take, in milliseconds, before it gives up. */
  readonly timeoutMs?: number | undefined;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** What comes with a new record. */
export interface InsertOptions extends CacheCallOptions {
  /** Milliseconds from now after which the cache may remove the record. */
  readonly purgeAfterMs: number;
}

/** What comes with a replacement. */
export interface ReplaceOptions extends CacheCallOptions {
  /** Replace only this state of the record. */
  readonly ifRevision: Revision;
  /** A new purge time, in milliseconds from now; unchanged when absent. */
  readonly purgeAfterMs?: number | undefined;
  /** Removes the body with the same write. */
  readonly dropBody?: boolean | undefined;
}

/** What {@link CacheBackend.maxInlineBytes} is when a cache does not say. */
export const DEFAULT_INLINE_BYTES = 4096;
/** The most that {@link CacheBackend.maxInlineBytes} may be. */
export const MAX_INLINE_BYTES = 32_768;
/** The most that {@link CacheBackend.frontBytes} may be. */
export const MAX_FRONT_BYTES = 64;

/**
 * Where sealed records rest. Keys are opaque strings, values opaque bytes. A cache belongs to one vault,
 * which closes it; several vaults share records, not caches.
 *
 * A failed operation throws: `CacheUnavailableError` if it certainly changed nothing,
 * `OutcomeUnknownError` if that is not certain, `CacheFullError` for want of room. A
 * failure is never reported as a miss. A cache that can no longer promise what `ready` last said throws
 * `CacheUnsafeError` from `insert` and `replace` until `ready` is called again. The caller may reuse a head's
 * buffer once a call has settled.
 * `handlevault/testing` has the laws that every implementation must pass.
 */
export interface CacheBackend {
  /** Whether other processes can reach the same records. */
  readonly shared: boolean;
  /** Whether records outlive this process. */
  readonly outlivesProcess: boolean;
  /**
   * The largest payload, in bytes as stored, that the cache wants in the head of its record; larger
   * ones get a body. More than the default of 4,096 is for a cache that stores one value faster than
   * two; at most 32,768, because a head is rewritten whole when its policy changes.
   */
  readonly maxInlineBytes?: number;
  /** How many bytes the cache puts before a head, at most 64: new records leave room for them. */
  readonly frontBytes?: number;
  /**
   * Makes the cache usable and says what it can promise now; awaited before the first operation, and
   * again after a `CacheUnsafeError`.
   */
  ready(): MaybePromise<CacheCapabilities>;
  /** Stores a record unless the key is taken. */
  insert(
    key: string,
    record: CacheRecord,
    options: InsertOptions,
  ): MaybePromise<"inserted" | "exists">;
  /** Returns a record until it is purged, however old it is; `"evicted"` if it was dropped to make room. */
  get(key: string, options?: CacheCallOptions): MaybePromise<CacheEntry | "evicted" | undefined>;
  /** Returns the body of a record, or `undefined` when there is none. */
  getBody(key: string, options?: CacheCallOptions): MaybePromise<Uint8Array | undefined>;
  /** Replaces the head of one state of a record, or deletes the record when `head` is `undefined`. */
  replace(
    key: string,
    head: Uint8Array | undefined,
    options: ReplaceOptions,
  ): MaybePromise<"replaced" | "conflict" | "absent">;
  /** Deletes a record in whatever state it is; says whether there was one. */
  delete(key: string, options?: CacheCallOptions): MaybePromise<boolean>;
  /** Removes at most `limit` records whose purge time has come; returns how many. */
  purgeExpired(limit: number, options?: CacheCallOptions): MaybePromise<number>;
  /** Returns every record at least once, page by page; a record may come up again. */
  scan(cursor?: string, options?: CacheCallOptions): MaybePromise<CachePage>;
  /** Releases what the cache opened itself; may be called twice. */
  close(): MaybePromise<void>;
}
