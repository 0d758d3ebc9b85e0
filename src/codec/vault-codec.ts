/**
 * The codec: turns payloads into bytes and back (serialize, compress, encrypt).
 *
 * @module
 */
import { Buffer, constants } from "node:buffer";
import { ephemeralKeys } from "../keys/ephemeral-keys.js";
import { asBuffer, isBytes, ownUtf8 } from "../primitives/bytes.js";
import { isTooLongText } from "../primitives/longest-text.js";
import { checkInteger, checkMethods } from "../vault/checks.js";
import type { Bytes, Compressor, Encryptor, MaybePromise, Serializer } from "../vault/contracts.js";
import {
  PayloadTooLargeError,
  RecordIntegrityError,
  RecordUnsupportedError,
} from "../vault/errors.js";
import { adoptThenable, andThen } from "../vault/maybe-promise.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../vault/options.js";
import { brotliCompressor, deflateCompressor, gzipCompressor } from "./compressor/zlib.js";
import { aes256GcmEncryptor } from "./encryptor/aes-256-gcm.js";
import { bytesSerializer } from "./serializer/bytes.js";
import { jsonSerializer } from "./serializer/json.js";
import { textSerializer } from "./serializer/text.js";

const DEFAULT_MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;
/** JSON and text pass through one string, whose length V8 limits: to 2^29 - 24 characters on most machines. */
const CEILING_PAYLOAD_BYTES: number = Math.min(2 ** 29, constants.MAX_STRING_LENGTH) - 1000;
/** Compression that saves less than an eighth is discarded: decompressing it would cost more. */
const WORTHWHILE_RATIO = 7 / 8;
const NO_COMPRESSOR = 0;

/** Marks codecs of all copies and realms. The number changes with the internal methods that a vault calls. */
const BRAND: unique symbol = Symbol.for("handlevault.codec.1");

/** Length of the packed header, which {@link writePackedHeader} writes, in bytes. */
export const PACKED_HEADER_BYTES = 6;

/** The stages of a {@link VaultCodec}; each is optional. */
export interface VaultCodecOptions {
  /** The serializer of payloads that are neither bytes nor text. Default: JSON. */
  readonly serializer?: Serializer | undefined;
  /** The compressor. Default: none, because the length of compressed data reveals something about it. */
  readonly compressor?: Compressor | undefined;
  /** The encryptor. Default: AES-256-GCM under the vault's keys, or without a vault under a random key. */
  readonly encryptor?: Encryptor | undefined;
  /** The largest payload, serialized, in bytes. Default 64 MiB. */
  readonly maxPayloadBytes?: number | undefined;
}

const OPTIONS: OptionsTable<WithDefaults<VaultCodecOptions, "maxPayloadBytes">> = {
  serializer: (value) => value as Serializer | undefined,
  compressor: (value) => value as Compressor | undefined,
  encryptor: (value) => value as Encryptor | undefined,
  maxPayloadBytes: optional(integerWithin(1, CEILING_PAYLOAD_BYTES), DEFAULT_MAX_PAYLOAD_BYTES),
};

/** The packed header: the information that is needed to unpack a payload. */
export interface PackedHeader {
  readonly serializerId: number;
  readonly compressorId: number;
  /** The length of the serialized payload before compression, in bytes. */
  readonly length: number;
}

/** A serialized and compressed payload. */
export interface PackedPayload {
  readonly serializerId: number;
  readonly compressorId: number;
  /** The content to encrypt; a string is encrypted as UTF-8. */
  readonly content: Uint8Array | string;
  /** The length of the content, in bytes. */
  readonly contentBytes: number;
  /** The length before compression, in bytes. */
  readonly serializedBytes: number;
}

/**
 * Serializes, compresses and encrypts payloads.
 *
 * Bytes and text are stored unchanged. All other payloads go through the serializer.
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

  /** The encryptor of the options; `undefined` for the default one. */
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
    const settings = readOptions(options, OPTIONS, { name: "VaultCodec options", prefix: "" });
    const { serializer, compressor, encryptor, maxPayloadBytes } = settings;
    checkStages({ serializer, compressor, encryptor });
    this.encryptor = encryptor;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#compressor = compressor;
    this.#structured = serializer ?? jsonSerializer();
    this.#isJson = serializer === undefined;
    // The codec can always read the built-in stages. Those of the options are added or replace them.
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
   * @throws TypeError The payload contains a value that the serializer does not support.
   * @throws PayloadTooLargeError The payload is larger than `maxPayloadBytes`.
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
   * Returns a new copy of the payload that {@link VaultCodec.encode} encoded.
   *
   * @throws KeyNotFoundError The bytes were encrypted under an unknown key.
   * @throws RecordIntegrityError The bytes were altered.
   * @throws RecordUnsupportedError The codec lacks the serializer or compressor of the bytes.
   * @throws PayloadTooLargeError The payload is larger than `maxPayloadBytes`.
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
   * Loads the dependencies of the stages. Returns `undefined` once they are loaded.
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
   * Serializes and compresses a payload. The vault encrypts the result itself.
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
    // Compressing a short content saves nothing.
    const isWorthTrying = contentBytes >= Math.max(compressor?.thresholdBytes ?? 0, 1);
    return compressor !== undefined && isWorthTrying ? compress(compressor, packed) : packed;
  }

  /**
   * Returns whether every text in a payload is certainly ASCII. Returns `false` if finding out would require
   * reading each of them.
   *
   * @internal
   */
  isAscii({ content, contentBytes, serializerId }: PackedPayload): boolean {
    if (typeof content !== "string") return false;
    const isVerbatim = this.#isJson || serializerId === this.#text.id;
    return isVerbatim && contentBytes === content.length;
  }

  /**
   * Reads a packed header that {@link writePackedHeader} wrote.
   *
   * @throws RecordUnsupportedError The codec lacks the serializer or the compressor.
   * @throws PayloadTooLargeError The payload is larger than `maxPayloadBytes`.
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
   * Decompresses and deserializes a payload. The result shares no memory with `content`.
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
    // Each character takes at least a byte, so a text that is too long need not be read.
    if (data.length > this.#maxPayloadBytes) throw new PayloadTooLargeError();
    return data.isWellFormed() ? this.#text : this.#structured;
  }

  get #standaloneEncryptor(): Encryptor {
    this.#ownEncryptor ??= this.encryptor ?? aes256GcmEncryptor({ keys: ephemeralKeys() });
    return this.#ownEncryptor;
  }
}

/** Returns whether a value is a codec of this or another copy of the library. */
export function isVaultCodec(value: unknown): value is VaultCodec {
  return typeof value === "object" && value !== null && BRAND in value;
}

/** Writes the packed header of a payload at `offset`. */
export function writePackedHeader(target: Buffer, packed: PackedPayload, offset: number): void {
  target.writeUInt8(packed.serializerId, offset);
  target.writeUInt8(packed.compressorId, offset + 1);
  target.writeUInt32BE(packed.serializedBytes, offset + 2);
}

/** Compresses a payload. Returns it uncompressed if that saves too little. */
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

/** Deserializes a payload. One that is authentic but does not parse was not written by this serializer. */
function deserialize(serializer: Serializer, bytes: Buffer): unknown {
  try {
    return serializer.deserialize(bytes);
  } catch (error) {
    // The parser's own message could quote the payload.
    throw isTooLongText(error) ? new PayloadTooLargeError() : new RecordIntegrityError();
  }
}

function byId<Stage extends { readonly id: number }>(stages: readonly Stage[]): Map<number, Stage> {
  return new Map(stages.map((stage) => [stage.id, stage]));
}

function checkStages({ serializer, compressor, encryptor }: VaultCodecOptions): void {
  if (serializer !== undefined) {
    checkMethods(serializer, "serializer", ["serialize", "deserialize"]);
    // 1 and 2 are bytes and text, which never go through this serializer.
    checkInteger(serializer.id, "serializer.id", { min: 3, max: 255 });
  }
  if (compressor !== undefined) {
    checkMethods(compressor, "compressor", ["compress", "decompress"]);
    checkInteger(compressor.id, "compressor.id", { min: 1, max: 255 });
  }
  if (encryptor !== undefined) checkMethods(encryptor, "encryptor", ["encrypt", "decrypt"]);
}
