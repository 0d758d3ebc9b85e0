/** Compressors of Node's own zlib: deflate (RFC 1950), gzip (RFC 1952) and Brotli (RFC 7932). */
import type { Buffer } from "node:buffer";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { checkInteger, checkOptions } from "../../vault/checks.js";
import type { Compressor, MaybePromise } from "../../vault/contracts.js";
import { RecordIntegrityError } from "../../vault/errors.js";

/** Up to these sizes the synchronous call is faster than the thread pool. */
const SYNC_COMPRESS_BYTES = 65_536;
const SYNC_DECOMPRESS_BYTES = 524_288;
/** Smaller payloads are not compressed, because the fixed cost of deflate exceeds the gain. */
const THRESHOLD_BYTES = 4096;

/** The compression level. */
export interface LevelOptions {
  /** From 1, the fastest, to the highest level of the algorithm, the smallest. */
  readonly level?: number | undefined;
}

/** The decompression options that zlib and Brotli share. */
interface OutputLimit {
  readonly maxOutputLength: number;
}

const LEVEL_OPTIONS: ReadonlySet<string> = new Set(["level"]);

interface Algorithm {
  readonly id: number;
  readonly compressSync: (bytes: Uint8Array) => Uint8Array;
  readonly compress: (bytes: Uint8Array) => Promise<Uint8Array>;
  readonly decompressSync: (bytes: Uint8Array, limit: OutputLimit) => Uint8Array;
  readonly decompress: (bytes: Uint8Array, limit: OutputLimit) => Promise<Uint8Array>;
}

/** Returns the deflate compressor, in zlib format; level 1 to 9, by default 1. */
export function deflateCompressor(options: LevelOptions = {}): Compressor {
  const level = checkedLevel(options, { fallback: 1, max: 9 });
  const deflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflate);
  return fromAlgorithm({
    id: 1,
    compressSync: (bytes) => zlib.deflateSync(bytes, { level }),
    compress: (bytes) => deflate(bytes, { level }),
    decompressSync: zlib.inflateSync,
    decompress: promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflate),
  });
}

/** Returns the gzip compressor; level 1 to 9, by default 1. */
export function gzipCompressor(options: LevelOptions = {}): Compressor {
  const level = checkedLevel(options, { fallback: 1, max: 9 });
  const gzip = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gzip);
  return fromAlgorithm({
    id: 2,
    compressSync: (bytes) => zlib.gzipSync(bytes, { level }),
    compress: (bytes) => gzip(bytes, { level }),
    decompressSync: zlib.gunzipSync,
    decompress: promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.gunzip),
  });
}

/** Returns the Brotli compressor; level (its "quality") 1 to 11, by default 4. */
export function brotliCompressor(options: LevelOptions = {}): Compressor {
  const quality = checkedLevel(options, { fallback: 4, max: 11 });
  const parameters = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: quality } };
  const compress = promisify<Uint8Array, zlib.BrotliOptions, Buffer>(zlib.brotliCompress);
  return fromAlgorithm({
    id: 3,
    compressSync: (bytes) => zlib.brotliCompressSync(bytes, parameters),
    compress: (bytes) => compress(bytes, parameters),
    decompressSync: zlib.brotliDecompressSync,
    decompress: promisify<Uint8Array, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress),
  });
}

/** Returns the level in the options, checked, or the fallback. */
export function checkedLevel(
  options: LevelOptions,
  { fallback, max }: { readonly fallback: number; readonly max: number },
): number {
  checkOptions(options, "options", LEVEL_OPTIONS);
  const { level = fallback } = options;
  checkInteger(level, "level", { min: 1, max });
  return level;
}

function fromAlgorithm(algorithm: Algorithm): Compressor {
  return {
    id: algorithm.id,
    thresholdBytes: THRESHOLD_BYTES,
    compress: (bytes) =>
      bytes.length <= SYNC_COMPRESS_BYTES
        ? algorithm.compressSync(bytes)
        : Promise.resolve(algorithm.compress(bytes)),
    decompress: (bytes, length) => decompress(algorithm, bytes, length),
  };
}

function decompress(
  algorithm: Algorithm,
  bytes: Uint8Array,
  length: number,
): MaybePromise<Uint8Array> {
  // zlib stops before it exceeds the limit, so a decompression bomb never expands.
  const limit = { maxOutputLength: Math.max(length, 1) };
  if (length > SYNC_DECOMPRESS_BYTES) {
    return Promise.resolve(algorithm.decompress(bytes, limit)).then(
      (decompressed) => ofLength(decompressed, length),
      () => {
        throw new RecordIntegrityError();
      },
    );
  }
  let output: Uint8Array;
  try {
    output = algorithm.decompressSync(bytes, limit);
  } catch {
    throw new RecordIntegrityError();
  }
  return ofLength(output, length);
}

/** Returns the output. Throws if its length differs from the one that was sealed with it. */
export function ofLength(output: Uint8Array, length: number): Uint8Array {
  if (output.length !== length) throw new RecordIntegrityError();
  return output;
}
