/** Sealed records in a cache: puts record format, codec, encryptor and cache together. */
import {
  PACKED_HEADER_BYTES,
  type PackedPayload,
  type VaultCodec,
  writePacked,
} from "./codec/vault-codec.js";
import {
  decryptAes256Gcm,
  encryptAes256Gcm,
  KEY_BYTES,
  NONCE_BYTES,
  TAG_BYTES,
} from "./primitives/aes-256-gcm.js";
import { fillRandom } from "./primitives/random-pool.js";
import type {
  CacheBackend,
  CacheEntry,
  CacheRecord,
  Encryptor,
  MaybePromise,
  Revision,
} from "./vault/contracts.js";
import {
  CacheUnavailableError,
  isVaultError,
  OutcomeUnknownError,
  RecordIntegrityError,
} from "./vault/errors.js";
import { andThen, isPromise } from "./vault/maybe-promise.js";
import {
  headContext,
  joinHead,
  MAX_INLINE_BYTES,
  maxFieldsBytes,
  PREFIX_BYTES,
  type RecordFields,
  type RecordForm,
  readForm,
  readHead,
  writeFields,
} from "./vault/record.js";

/** A body key encrypts once, so that its nonce need not vary. */
const BODY_NONCE: Buffer = Buffer.alloc(NONCE_BYTES);
const DETACHED_BYTES: number = PACKED_HEADER_BYTES + KEY_BYTES + TAG_BYTES;
const MAX_HIGH_WATER_MARKS = 10_000;
/** The mark of a deleted record: no state of it is recent enough. */
const GONE = Number.POSITIVE_INFINITY;

/** Heads are put together here, encrypted, and wiped, all within one turn of the event loop. */
const scratch: Buffer = Buffer.allocUnsafeSlow(16_384);

/** What {@link SealedRecords} works with. */
export interface SealedRecordsOptions {
  readonly cache: CacheBackend;
  readonly codec: VaultCodec;
  readonly encryptor: Encryptor;
  readonly tenant: string | undefined;
  /** How long a cache operation may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** A record that was read and decrypted; whoever asked for it wipes it. */
export interface OpenRecord {
  readonly lookupId: string;
  readonly form: RecordForm;
  readonly fields: RecordFields;
  /** What follows the fields: the payload, or the key to it. */
  readonly tail: Buffer;
  readonly revision: Revision;
  /** Overwrites everything that was decrypted. */
  wipe(): void;
}

/** Reads and writes sealed records. */
export class SealedRecords {
  readonly #options: SealedRecordsOptions;
  /**
   * The newest state seen of records that changed. A writer of the cache can put back an earlier,
   * genuine head; while this process remembers a later one, that is refused.
   */
  readonly #highWater = new Map<string, number>();

  constructor(options: SealedRecordsOptions) {
    this.#options = options;
  }

  /** Stores a new record. */
  insert(
    lookupId: string,
    fields: RecordFields,
    packed: PackedPayload,
    purgeAfterMs: number,
  ): MaybePromise<"inserted" | "exists"> {
    const { cache, timeoutMs } = this.#options;
    return andThen(this.#seal(lookupId, fields, packed), (record) =>
      guardWrite(() => cache.insert(lookupId, record, { purgeAfterMs, timeoutMs })),
    );
  }

  /**
   * Returns a record, decrypted, but nothing of a detached body.
   *
   * @throws {@link RecordIntegrityError} It was altered, or is an earlier state of itself.
   * @throws {@link RecordUnsupportedError} {@link KeyNotFoundError} {@link CacheUnavailableError}
   */
  read(lookupId: string): MaybePromise<OpenRecord | "evicted" | undefined> {
    if (this.#highWater.get(lookupId) === GONE) return undefined;
    const { cache, timeoutMs } = this.#options;
    const found = guardRead(() => cache.get(lookupId, { timeoutMs }));
    return andThen(found, (entry) =>
      entry === undefined || entry === "evicted" ? entry : this.#open(lookupId, entry),
    );
  }

  /** Returns a fresh copy of the payload of a record. */
  payloadOf(record: OpenRecord): MaybePromise<unknown> {
    const { codec } = this.#options;
    const header = codec.readPackedHeader(record.tail);
    if (record.form === "inline") {
      return codec.unpack(header, record.tail.subarray(PACKED_HEADER_BYTES));
    }
    return andThen(this.#readBody(record), (content) => {
      const data = codec.unpack(header, content);
      if (!isPromise(data)) content.fill(0);
      return isPromise(data) ? data.finally(() => content.fill(0)) : data;
    });
  }

  /** Replaces what a record says about its handle; the payload stays as it is. */
  rewrite(
    record: OpenRecord,
    fields: RecordFields,
    purgeAfterMs?: number,
  ): Promise<"replaced" | "conflict" | "absent"> {
    return this.#replace(record, { form: record.form, fields, tail: record.tail }, purgeAfterMs);
  }

  /** Replaces a record by one that has no payload any more. */
  spend(record: OpenRecord, fields: RecordFields): Promise<"replaced" | "conflict" | "absent"> {
    return this.#replace(record, { form: "spent", fields, tail: Buffer.alloc(0) });
  }

  /** Deletes exactly this state of a record. */
  async remove(record: OpenRecord): Promise<"replaced" | "conflict" | "absent"> {
    const { lookupId, revision } = record;
    const { cache, timeoutMs } = this.#options;
    const outcome = await guardWrite(() =>
      cache.replace(lookupId, undefined, {
        ifRevision: revision,
        timeoutMs,
      }),
    );
    if (outcome === "replaced") this.#mark(lookupId, GONE);
    return outcome;
  }

  /** Deletes a record in whatever state it is. */
  async delete(lookupId: string): Promise<void> {
    const { cache, timeoutMs } = this.#options;
    const existed = await guardWrite(() => cache.delete(lookupId, { timeoutMs }));
    if (existed) this.#mark(lookupId, GONE);
  }

  #seal(lookupId: string, fields: RecordFields, packed: PackedPayload): MaybePromise<CacheRecord> {
    const { content } = packed;
    const storedBytes = typeof content === "string" ? packed.length : content.length;
    const isInline = storedBytes <= MAX_INLINE_BYTES;
    const fieldsBytes = maxFieldsBytes(fields);
    const size = fieldsBytes + (isInline ? PACKED_HEADER_BYTES + storedBytes : DETACHED_BYTES);
    const plaintext = size <= scratch.length ? scratch : Buffer.allocUnsafeSlow(size);
    let end = writePacked(plaintext, packed, writeFields(plaintext, fields));
    let body: Buffer | undefined;
    if (isInline) {
      end +=
        typeof content === "string"
          ? plaintext.write(content, end, "utf8")
          : copy(content, plaintext, end);
    } else {
      body = encryptBody(content, plaintext, end);
      end += KEY_BYTES + TAG_BYTES;
    }
    const head = this.#encryptHead(
      isInline ? "inline" : "detached",
      lookupId,
      plaintext.subarray(0, end),
    );
    return andThen(head, (sealed) => ({ head: sealed, body }));
  }

  /** Encrypts and wipes `plaintext`; returns a whole head. */
  #encryptHead(form: RecordForm, lookupId: string, plaintext: Buffer): MaybePromise<Buffer> {
    const { encryptor, tenant } = this.#options;
    const ciphertext = encryptor.encrypt(plaintext, headContext(form, lookupId, tenant));
    plaintext.fill(0);
    return andThen(ciphertext, (bytes) => joinHead(form, bytes));
  }

  #open(lookupId: string, entry: CacheEntry): MaybePromise<OpenRecord> {
    const { encryptor, tenant } = this.#options;
    const form = readForm(entry.head);
    const ciphertext = entry.head.subarray(PREFIX_BYTES);
    const decrypted = encryptor.decrypt(ciphertext, headContext(form, lookupId, tenant));
    return andThen(decrypted, (bytes) => {
      const plaintext = asBuffer(bytes);
      const { fields, payload } = readHead(plaintext);
      this.#assertRecent(lookupId, fields.revision);
      const wipe = () => void plaintext.fill(0);
      return { lookupId, form, fields, tail: payload, revision: entry.revision, wipe };
    });
  }

  #readBody(record: OpenRecord): MaybePromise<Buffer> {
    if (record.form !== "detached" || record.tail.length !== DETACHED_BYTES) {
      throw new RecordIntegrityError();
    }
    const { cache, timeoutMs } = this.#options;
    const read = guardRead(() => cache.getBody(record.lookupId, { timeoutMs }));
    return andThen(read, (body) => {
      const key = record.tail.subarray(PACKED_HEADER_BYTES, PACKED_HEADER_BYTES + KEY_BYTES);
      const tag = record.tail.subarray(PACKED_HEADER_BYTES + KEY_BYTES);
      const content = body && decryptAes256Gcm(key, BODY_NONCE, { ciphertext: body, tag });
      if (content === undefined) throw new RecordIntegrityError();
      return content;
    });
  }

  async #replace(
    record: OpenRecord,
    next: { readonly form: RecordForm; readonly fields: RecordFields; readonly tail: Buffer },
    purgeAfterMs?: number,
  ): Promise<"replaced" | "conflict" | "absent"> {
    const { lookupId, revision } = record;
    const plaintext = Buffer.allocUnsafeSlow(maxFieldsBytes(next.fields) + next.tail.length);
    const tailAt = writeFields(plaintext, next.fields);
    next.tail.copy(plaintext, tailAt);
    const used = plaintext.subarray(0, tailAt + next.tail.length);
    const head = await this.#encryptHead(next.form, lookupId, used);
    const dropBody = record.form === "detached" && next.form !== "detached";
    const { cache, timeoutMs } = this.#options;
    const outcome = await guardWrite(() =>
      cache.replace(lookupId, head, {
        ifRevision: revision,
        purgeAfterMs,
        dropBody,
        timeoutMs,
      }),
    );
    if (outcome === "replaced") this.#mark(lookupId, next.fields.revision);
    return outcome;
  }

  #assertRecent(lookupId: string, revision: number): void {
    const mark = this.#highWater.get(lookupId);
    if (mark !== undefined && revision < mark) throw new RecordIntegrityError();
    if (revision > 0 && mark !== revision) this.#mark(lookupId, revision);
  }

  #mark(lookupId: string, revision: number): void {
    this.#highWater.delete(lookupId);
    this.#highWater.set(lookupId, revision);
    if (this.#highWater.size > MAX_HIGH_WATER_MARKS) {
      const oldest = this.#highWater.keys().next();
      if (!oldest.done) this.#highWater.delete(oldest.value);
    }
  }
}

/** Encrypts a body under a fresh key, and writes key and tag at `offset` of the head's plaintext. */
function encryptBody(content: Uint8Array | string, plaintext: Buffer, offset: number): Buffer {
  fillRandom(plaintext, offset, KEY_BYTES);
  const key = plaintext.subarray(offset, offset + KEY_BYTES);
  const { ciphertext, tag } = encryptAes256Gcm(key, BODY_NONCE, content);
  tag.copy(plaintext, offset + KEY_BYTES);
  return ciphertext;
}

function copy(content: Uint8Array, target: Buffer, offset: number): number {
  target.set(content, offset);
  return content.length;
}

/** A failed read is never a miss: whatever a cache throws becomes an error that says so. */
export function guardRead<T>(call: () => MaybePromise<T>): MaybePromise<T> {
  return guard(call, (cause) => new CacheUnavailableError({ cause }));
}

/** After a failed write nobody knows whether it happened, unless the cache says that it did not. */
export function guardWrite<T>(call: () => MaybePromise<T>): MaybePromise<T> {
  return guard(call, (cause) => new OutcomeUnknownError({ cause }));
}

function guard<T>(call: () => MaybePromise<T>, wrap: (cause: unknown) => Error): MaybePromise<T> {
  const rethrow = (error: unknown): never => {
    throw isVaultError(error) ? error : wrap(error);
  };
  try {
    const result = call();
    return isPromise(result) ? result.catch(rethrow) : result;
  } catch (error) {
    return rethrow(error);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
