import { lz4Compressor } from "../../src/codec/compressor/lz4.js";
import {
  brotliCompressor,
  deflateCompressor,
  gzipCompressor,
} from "../../src/codec/compressor/zlib.js";
import { zstdCompressor } from "../../src/codec/compressor/zstd.js";
import type { Compressor } from "../../src/vault/contracts.js";

/** The library's compressors by name, ready for use. */
export const compressors: readonly (readonly [name: string, compressor: Compressor])[] = [
  ["deflate", deflateCompressor()],
  ["gzip", gzipCompressor()],
  ["brotli", brotliCompressor()],
  ["lz4", lz4Compressor()],
  ["zstd", zstdCompressor()],
];
for (const [, compressor] of compressors) await compressor.ready?.();

/** Returns the compressor of that name. */
export function compressorNamed(name: string): Compressor {
  const found = compressors.find(([known]) => known === name);
  if (found === undefined) throw new Error("no such compressor");
  return found[1];
}

/** Returns the same compressor without its threshold, so that it also compresses small payloads. */
export function withoutThreshold(compressor: Compressor): Compressor {
  return { ...compressor, thresholdBytes: 1 };
}
