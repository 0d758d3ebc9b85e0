/** Encodes a record's fields and payload as a sealed head and body, and decodes them. */
import { Buffer } from "node:buffer";
import {
  PACKED_HEADER_BYTES,
  type PackedPayload,
  type VaultCodec,
  writePackedHeader,
} from "../codec/vault-codec.js";
import {
  decryptAes256Gcm,
  encryptAes256Gcm,
  KEY_BYTES,
  NONCE_BYTES,
  TAG_BYTES,
} from "../primitives/aes-256-gcm.js";
import { asBuffer } from "../primitives/bytes.js";
import { fillSecret } from "../primitives/random-pool.js";
import type { CacheRecord, Encryptor, MaybePromise } from "../vault/contracts.js";
import { RecordIntegrityError } from "../vault/errors.js";
import { adoptThenable, andThen, isPromise } from "../vault/maybe-promise.js";
import {
  headContext,
  joinHead,
  maxFieldsBytes,
  type OpenHead,
  PREFIX_BYTES,
  type RecordFields,
  type RecordForm,
  readForm,
  readHead,
  writeFields,
} from "../vault/record.js";

/** A constant nonce: each body key encrypts only once. */
const BODY_NONCE: Buffer = Buffer.alloc(NONCE_BYTES);
const DETACHED_BYTES: number = PACKED_HEADER_BYTES + KEY_BYTES + TAG_BYTES;

/**
 * Memory in which heads are assembled, encrypted and wiped, all within one turn of the event loop.
 * `undefined` while in use: an encryptor or a key provider may itself seal a record while it encrypts a head.
 */
let scratch: Buffer | undefined = Buffer.alloc(65_536);

/** Options of {@link RecordSealer}. */
export interface RecordSealerOptions {
  readonly codec: VaultCodec;
  readonly encryptor: Encryptor;
  readonly tenant: string | undefined;
  /** Payloads with more stored bytes than this are stored in a separate body. */
  readonly maxInlineBytes: number;
}

/** A decrypted head. The caller wipes its plaintext. */
export interface OpenedHead extends OpenHead {
  readonly form: RecordForm;
  readonly plaintext: Buffer;
}

/** Seals and opens records, without access to a cache. */
export class RecordSealer {
  readonly #codec: VaultCodec;
  readonly #encryptor: Encryptor;
  readonly #tenant: string | undefined;
  readonly #maxInlineBytes: number;

  constructor(options: RecordSealerOptions) {
    const { codec, encryptor, tenant, maxInlineBytes } = options;
    this.#codec = codec;
    this.#encryptor = encryptor;
    this.#tenant = tenant;
    this.#maxInlineBytes = maxInlineBytes;
  }

  /** Returns a new record. Small payloads are in the head, larger ones in a separate body. */
  seal(lookupId: string, fields: RecordFields, packed: PackedPayload): MaybePromise<CacheRecord> {
    const { content, contentBytes } = packed;
    const size = maxFieldsBytes(fields) + PACKED_HEADER_BYTES + this.#maxInlineBytes;
    return withScratch(size, (plaintext) => {
      const offset = writeFields(plaintext, fields);
      const contentAt = offset + PACKED_HEADER_BYTES;
      writePackedHeader(plaintext, packed, offset);
      if (contentBytes <= this.#maxInlineBytes) {
        writeContent(plaintext, content, contentAt);
        const end = contentAt + contentBytes;
        return this.#record("inline", lookupId, plaintext.subarray(0, end));
      }
      const body = encryptBody(content, plaintext, contentAt);
      const end = offset + DETACHED_BYTES;
      return this.#record("detached", lookupId, plaintext.subarray(0, end), body);
    });
  }

  /** Returns a head with other fields for the same payload, or for a spent payload. */
  reseal(
    lookupId: string,
    opened: OpenedHead,
    next: { readonly form: RecordForm; readonly fields: RecordFields },
  ): MaybePromise<Buffer> {
    const tail = next.form === "spent" ? undefined : opened.plaintext.subarray(opened.tailAt);
    const plaintext = Buffer.allocUnsafeSlow(maxFieldsBytes(next.fields) + (tail?.length ?? 0));
    const tailAt = writeFields(plaintext, next.fields);
    const end = tailAt + (tail === undefined ? 0 : tail.copy(plaintext, tailAt));
    return this.#encryptHead(next.form, lookupId, plaintext.subarray(0, end));
  }

  /**
   * Decrypts a head.
   *
   * @throws RecordUnsupportedError `KeyNotFoundError` {@link RecordIntegrityError}
   */
  open(lookupId: string, head: Uint8Array): MaybePromise<OpenedHead> {
    const form = readForm(head);
    const context = headContext(form, lookupId, this.#tenant);
    const plaintext = adoptThenable(this.#encryptor.decrypt(head.subarray(PREFIX_BYTES), context));
    if (!isPromise(plaintext)) return asOpened(form, plaintext);
    return plaintext.then((bytes) => asOpened(form, bytes));
  }

  /** Returns a new copy of a payload. Calls `readBody` only if the record has a body. */
  unpack(
    opened: OpenedHead,
    readBody: () => MaybePromise<Uint8Array | undefined>,
  ): MaybePromise<unknown> {
    const { form, plaintext, tailAt } = opened;
    const header = this.#codec.readPackedHeader(plaintext, tailAt);
    if (form === "inline") {
      return this.#codec.unpack(header, plaintext.subarray(tailAt + PACKED_HEADER_BYTES));
    }
    return andThen(readBody(), (body) => {
      const content = decryptBody(opened, body);
      const data = this.#codec.unpack(header, content);
      if (isPromise(data)) return data.finally(() => content.fill(0));
      content.fill(0);
      return data;
    });
  }

  #record(
    form: RecordForm,
    lookupId: string,
    plaintext: Buffer,
    body?: Buffer,
  ): MaybePromise<CacheRecord> {
    return andThen(this.#encryptHead(form, lookupId, plaintext), (head) => ({ head, body }));
  }

  /** Encrypts and wipes `plaintext`, and returns a complete head. */
  #encryptHead(form: RecordForm, lookupId: string, plaintext: Buffer): MaybePromise<Buffer> {
    const context = headContext(form, lookupId, this.#tenant);
    let encrypting: MaybePromise<Uint8Array>;
    try {
      encrypting = adoptThenable(this.#encryptor.encrypt(plaintext, context));
    } finally {
      plaintext.fill(0);
    }
    return andThen(encrypting, (ciphertext) => joinHead(form, ciphertext));
  }
}

/** Calls `use` with temporary memory: the scratch buffer, or a new one if that is in use or too small. */
function withScratch<T>(size: number, use: (plaintext: Buffer) => T): T {
  const borrowed = scratch;
  if (borrowed === undefined || size > borrowed.length) return use(Buffer.alloc(size));
  scratch = undefined;
  try {
    return use(borrowed);
  } finally {
    scratch = borrowed;
  }
}

function asOpened(form: RecordForm, bytes: Uint8Array): OpenedHead {
  const plaintext = asBuffer(bytes);
  try {
    const { fields, tailAt } = readHead(plaintext);
    return { form, fields, plaintext, tailAt };
  } catch (error) {
    plaintext.fill(0);
    throw error;
  }
}

function writeContent(target: Buffer, content: Uint8Array | string, offset: number): void {
  if (typeof content === "string") target.write(content, offset, "utf8");
  else target.set(content, offset);
}

/** Encrypts a body under a fresh key, and writes key and tag at `offset` of the head's plaintext. */
function encryptBody(content: Uint8Array | string, plaintext: Buffer, offset: number): Buffer {
  fillSecret(plaintext, offset, KEY_BYTES);
  const key = plaintext.subarray(offset, offset + KEY_BYTES);
  const { ciphertext, tag } = encryptAes256Gcm(key, BODY_NONCE, content);
  tag.copy(plaintext, offset + KEY_BYTES);
  return ciphertext;
}

/** Decrypts a body with the key and the tag in its head. */
function decryptBody(
  { form, plaintext, tailAt }: OpenedHead,
  body: Uint8Array | undefined,
): Buffer {
  const keyAt = tailAt + PACKED_HEADER_BYTES;
  const tagAt = keyAt + KEY_BYTES;
  const isWhole = form === "detached" && plaintext.length === tailAt + DETACHED_BYTES;
  if (!isWhole || body === undefined) throw new RecordIntegrityError();
  const encrypted = { ciphertext: body, tag: plaintext.subarray(tagAt) };
  const content = decryptAes256Gcm(plaintext.subarray(keyAt, tagAt), BODY_NONCE, encrypted);
  if (content === undefined) throw new RecordIntegrityError();
  return content;
}
