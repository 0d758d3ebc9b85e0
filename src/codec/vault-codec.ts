/**
 * Payloads to bytes and back: serialize, compress, encrypt.
 *
 * @module
 */
import { Buffer, constants } from "node:buffer";
import { KeyRing } from "../keys/key-ring.js";
import { asBuffer, isBytes, ownUtf8 } from "../primitives/bytes.js";
import { isTooLongText } from "../primitives/longest-text.js";
import { checkInteger, checkMethods, checkOptions } from "../vault/checks.js";
import type { Bytes, Compressor, Encryptor, MaybePromise, Serializer } from "../vault/contracts.js";
import {
  PayloadTooLargeError,
  RecordIntegrityError,
  RecordUnsupportedError,
} from "../vault/errors.js";
import { adoptThenable, andThen } from "../vault/maybe-promise.js";
import { brotliCompressor, deflateCompressor, gzipCompressor } from "./compressor/zlib.js";
import { aes256GcmEncryptor } from "./encryptor/aes-256-gcm.js";
import { bytesSerializer } from "./serializer/bytes.js";
import { jsonSerializer } from "./serializer/json.js";
import { textSerializer } from "./serializer/text.js";

const DEFAULT_MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;
/** JSON and text pass through one string, which V8 bounds: at 2^29 - 24 characters on most machines. */
const CEILING_PAYLOAD_BYTES: number = Math.min(2 ** 29, constants.MAX_STRING_LENGTH) - 1000;
/** Compression that saves less than an eighth is not worth undoing. */
const WORTHWHILE_RATIO = 7 / 8;
const NO_COMPRESSOR = 0;
const OPTIONS: ReadonlySet<string> = new Set([
  "serializer",
  "compressor",
  "encryptor",
  "maxPayloadBytes",
]);

/** Marks codecs across copies of the library and realms; the number changes with what a vault calls. */
const BRAND: unique symbol = Symbol.for("handlevault.codec.1");

/** Length of what {@link writePackedHeader} puts before a payload, in bytes. */
export const PACKED_HEADER_BYTES = 6;

/** The stages of a {@link VaultCodec}; each is optional. */
export interface VaultCodecOptions {
  /** For payloads that are neither bytes nor text; JSON when absent. */
  readonly serializer?: Serializer | undefined;
  /** No compression when absent: the length of compressed data tells something about it. */
  readonly compressor?: Compressor | undefined;
  /** AES-256-GCM when absent, under the vault's keys or, alone, under a key of this process. */
  readonly encryptor?: Encryptor | undefined;
  /** The largest payload, serialized, in bytes. Default 64 MiB. */
  readonly maxPayloadBytes?: number | undefined;
}

/** What is stored beside a packed payload: how to unpack it. */
export interface PackedHeader {
  readonly serializerId: number;
  readonly compressorId: number;
  /** Bytes of the serialized payload before compression. */
  readonly length: number;
}

/** A payload that was serialized and compressed. */
export interface PackedPayload {
  readonly serializerId: number;
  readonly compressorId: number;
  /** What is to be encrypted; text stands for its UTF-8. */
  readonly content: Uint8Array | string;
  /** Bytes that the content takes. */
  readonly contentBytes: number;
  /** Bytes before compression. */
  readonly serializedBytes: number;
}

/**
 * Serializes, compresses and encrypts payloads.
 *
 * Bytes and text are stored as they are; everything else goes through the serializer.
 *
 * @example
 * ```ts
 * const codec = new VaultCodec({ compressor: deflateCompressor() });
 * const sealed = await codec.encode({ ssn: "123-45-6789" });
 * await codec.decode(sealed); // { ssn: "123-45-6789" }
 * ```
 */
export class VaultCodec {
  static {
    Object.defineProperty(VaultCodec.prototype, BRAND, { value: true });
  }

  /** The encryptor it was given; `undefined` when the default one is to be used. */
  readonly encryptor: Encryptor | undefined;
  readonly #maxPayloadBytes: number;
  readonly #compressor: Compressor | undefined;
  readonly #bytes = bytesSerializer();
  readonly #text = textSerializer();
  readonly #structured: Serializer;
  readonly #isJson: boolean;
  readonly #serializers: ReadonlyMap<number, Serializer>;
  readonly #compressors: ReadonlyMap<number, Compressor>;
  #ownEncryptor: Encryptor | undefined;
  #isReady = false;

  constructor(options: VaultCodecOptions = {}) {
    checkOptions(options, "VaultCodec options", OPTIONS);
    const {
      serializer,
      compressor,
      encryptor,
      maxPayloadBytes = DEFAULT_MAX_PAYLOAD_BYTES,
    } = options;
    checkInteger(maxPayloadBytes, "maxPayloadBytes", { min: 1, max: CEILING_PAYLOAD_BYTES });
    checkStages({ serializer, compressor, encryptor });
    this.encryptor = encryptor;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#compressor = compressor;
    this.#structured = serializer ?? jsonSerializer();
    this.#isJson = serializer === undefined;
    // What the library can always read, and what the options add or replace.
    this.#serializers = byId([this.#bytes, this.#text, jsonSerializer(), this.#structured]);
    this.#compressors = byId([
      deflateCompressor(),
      gzipCompressor(),
      brotliCompressor(),
      ...(compressor === undefined ? [] : [compressor]),
    ]);
  }

  /**
   * Returns the payload as encrypted bytes.
   *
   * @throws TypeError The payload holds something the serializer cannot carry.
   * @throws {@link PayloadTooLargeError} It is larger than `maxPayloadBytes`.
   */
  async encode(data: unknown): Promise<Bytes> {
    await this.ready();
    const packed = await this.pack(data);
    const { content, contentBytes } = packed;
    const plaintext = Buffer.allocUnsafeSlow(PACKED_HEADER_BYTES + contentBytes);
    writePackedHeader(plaintext, packed, 0);
    if (typeof content === "string") plaintext.write(content, PACKED_HEADER_BYTES, "utf8");
    else plaintext.set(content, PACKED_HEADER_BYTES);
    try {
      return new Uint8Array(await this.#standaloneEncryptor.encrypt(plaintext));
    } finally {
      plaintext.fill(0);
    }
  }

  /**
   * Returns a fresh copy of what {@link VaultCodec.encode} was given.
   *
   * @throws KeyNotFoundError The bytes were made under a key that is not known here.
   * @throws {@link RecordIntegrityError} They were altered.
   * @throws {@link RecordUnsupportedError} They need a serializer or compressor this codec lacks.
   * @throws {@link PayloadTooLargeError} The payload is larger than `maxPayloadBytes`.
   */
  async decode(bytes: Uint8Array): Promise<unknown> {
    if (!isBytes(bytes)) throw new TypeError("bytes must be a Uint8Array");
    await this.ready();
    const plaintext = asBuffer(await this.#standaloneEncryptor.decrypt(bytes));
    try {
      const header = this.readPackedHeader(plaintext, 0);
      return await this.unpack(header, plaintext.subarray(PACKED_HEADER_BYTES));
    } finally {
      plaintext.fill(0);
    }
  }

  /**
   * Loads what the stages need; gives nothing to await once that is done.
   *
   * @internal
   */
  ready(): MaybePromise<void> {
    if (this.#isReady) return;
    const loading = [this.#structured.ready?.(), this.#compressor?.ready?.()];
    return Promise.all(loading).then(() => {
      this.#isReady = true;
    });
  }

  /**
   * Serializes and compresses; for the vault, which encrypts the result itself.
   *
   * @internal
   */
  pack(data: unknown): MaybePromise<PackedPayload> {
    const serializer = this.#serializerFor(data);
    const content = serializer.serialize(data, this.#maxPayloadBytes);
    if (content.length > this.#maxPayloadBytes) throw new PayloadTooLargeError();
    const contentBytes = typeof content === "string" ? Buffer.byteLength(content) : content.length;
    if (contentBytes > this.#maxPayloadBytes) throw new PayloadTooLargeError();
    const packed = {
      serializerId: serializer.id,
      compressorId: NO_COMPRESSOR,
      content,
      contentBytes,
      serializedBytes: contentBytes,
    };
    const compressor = this.#compressor;
    // Nothing comes of compressing little.
    const isWorthTrying = contentBytes >= Math.max(compressor?.thresholdBytes ?? 0, 1);
    return compressor !== undefined && isWorthTrying ? compress(compressor, packed) : packed;
  }

  /**
   * Tells whether every text in a payload is certain to hold nothing but ASCII; `false` where that
   * would take a look at each of them.
   *
   * @internal
   */
  isAscii({ content, contentBytes, serializerId }: PackedPayload): boolean {
    if (typeof content !== "string") return false;
    const isVerbatim = this.#isJson || serializerId === this.#text.id;
    return isVerbatim && contentBytes === content.length;
  }

  /**
   * Reads what {@link writePackedHeader} wrote.
   *
   * @throws {@link RecordUnsupportedError} A serializer or compressor is not known here.
   * @throws {@link PayloadTooLargeError} The payload is larger than `maxPayloadBytes`.
   * @internal
   */
  readPackedHeader(bytes: Buffer, offset: number): PackedHeader {
    if (bytes.length < offset + PACKED_HEADER_BYTES) throw new RecordIntegrityError();
    const serializerId = bytes.readUInt8(offset);
    const compressorId = bytes.readUInt8(offset + 1);
    const length = bytes.readUInt32BE(offset + 2);
    const isKnown =
      this.#serializers.has(serializerId) &&
      (compressorId === NO_COMPRESSOR || this.#compressors.has(compressorId));
    if (!isKnown) throw new RecordUnsupportedError();
    if (length > this.#maxPayloadBytes) throw new PayloadTooLargeError();
    return { serializerId, compressorId, length };
  }

  /**
   * Decompresses and deserializes; the result shares no memory with `content`.
   *
   * @internal
   */
  unpack(header: PackedHeader, content: Buffer): MaybePromise<unknown> {
    const serializer = this.#serializers.get(header.serializerId);
    if (serializer === undefined) throw new RecordUnsupportedError();
    if (header.compressorId === NO_COMPRESSOR) {
      if (content.length !== header.length) throw new RecordIntegrityError();
      return deserialize(serializer, content);
    }
    const compressor = this.#compressors.get(header.compressorId);
    if (compressor === undefined) throw new RecordUnsupportedError();
    return andThen(adoptThenable(compressor.decompress(content, header.length)), (bytes) => {
      const data = deserialize(serializer, asBuffer(bytes));
      bytes.fill(0);
      return data;
    });
  }

  #serializerFor(data: unknown): Serializer {
    if (isBytes(data)) return this.#bytes;
    if (typeof data !== "string") return this.#structured;
    // Each character takes a byte or more: what is too long anyhow is not looked through.
    if (data.length > this.#maxPayloadBytes) throw new PayloadTooLargeError();
    return data.isWellFormed() ? this.#text : this.#structured;
  }

  get #standaloneEncryptor(): Encryptor {
    this.#ownEncryptor ??= this.encryptor ?? aes256GcmEncryptor({ keys: KeyRing.ephemeral() });
    return this.#ownEncryptor;
  }
}

/** Tells whether a value is a codec, of whichever copy of the library. */
export function isVaultCodec(value: unknown): value is VaultCodec {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** Writes how to unpack a payload. */
export function writePackedHeader(target: Buffer, packed: PackedPayload, offset: number): void {
  target.writeUInt8(packed.serializerId, offset);
  target.writeUInt8(packed.compressorId, offset + 1);
  target.writeUInt32BE(packed.serializedBytes, offset + 2);
}

/** Compresses a payload, unless it shrinks too little for that to be worth it. */
function compress(compressor: Compressor, packed: PackedPayload): MaybePromise<PackedPayload> {
  const { content, serializedBytes } = packed;
  const isText = typeof content === "string";
  const bytes = isText ? ownUtf8(content) : content;
  return andThen(adoptThenable(compressor.compress(bytes)), (compressed) => {
    const { length: contentBytes } = compressed;
    if (isText && compressed.buffer !== bytes.buffer) bytes.fill(0);
    if (contentBytes > serializedBytes * WORTHWHILE_RATIO) return packed;
    return { ...packed, compressorId: compressor.id, content: compressed, contentBytes };
  });
}

/** A payload that passed its checksum but does not parse was not written by this serializer. */
function deserialize(serializer: Serializer, bytes: Buffer): unknown {
  try {
    return serializer.deserialize(bytes);
  } catch (error) {
    // The parser's own message would quote the payload.
    throw isTooLongText(error) ? new PayloadTooLargeError() : new RecordIntegrityError();
  }
}

function byId<Stage extends { readonly id: number }>(stages: readonly Stage[]): Map<number, Stage> {
  return new Map(stages.map((stage) => [stage.id, stage]));
}

function checkStages({ serializer, compressor, encryptor }: VaultCodecOptions): void {
  if (serializer !== undefined) {
    checkMethods(serializer, "serializer", ["serialize", "deserialize"]);
    // 1 and 2 are bytes and text, which go their own way whatever the serializer.
    checkInteger(serializer.id, "serializer.id", { min: 3, max: 255 });
  }
  if (compressor !== undefined) {
    checkMethods(compressor, "compressor", ["compress", "decompress"]);
    checkInteger(compressor.id, "compressor.id", { min: 1, max: 255 });
  }
  if (encryptor !== undefined) checkMethods(encryptor, "encryptor", ["encrypt", "decrypt"]);
}
