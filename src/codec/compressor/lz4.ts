/**
 * LZ4 (https://github.com/lz4/lz4, block format), the fastest compressor of the library.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { lazily, loadPeer } from "../../load-peer.js";
import { asBuffer } from "../../primitives/bytes.js";
import type { Compressor } from "../../vault/contracts.js";
import { RecordIntegrityError } from "../../vault/errors.js";
import { ofLength } from "./zlib.js";

/** The part of lz4-napi that is used here. */
interface Lz4 {
  compressSync(bytes: Buffer): Uint8Array;
  compress(bytes: Buffer): Promise<Uint8Array>;
  uncompressSync(bytes: Buffer): Uint8Array;
  uncompress(bytes: Buffer): Promise<Uint8Array>;
}

const THRESHOLD_BYTES = 1024;
const SYNC_BYTES = 262_144;
const LENGTH_BYTES = 4;
/** The greatest compression ratio of a block: each of its bytes gives at most 255 bytes of output. */
const MAX_RATIO = 255;

/**
 * Returns the LZ4 compressor. Its output is the uncompressed length (4 bytes, little-endian), then a block.
 * Needs the package `lz4-napi`.
 */
export function lz4Compressor(): Compressor {
  const lz4 = lazily("lz4Compressor", () => loadPeer<Lz4>("lz4-napi", () => import("lz4-napi")));
  return {
    id: 4,
    thresholdBytes: THRESHOLD_BYTES,
    ready: lz4.ready,
    compress(bytes) {
      const input = asBuffer(bytes);
      return input.length <= SYNC_BYTES ? lz4.get().compressSync(input) : lz4.get().compress(input);
    },
    async decompress(bytes, length) {
      const input = asBuffer(bytes);
      // The package allocates the declared length, so it must equal the authenticated one.
      const declared = input.length < LENGTH_BYTES ? -1 : input.readUInt32LE(0);
      if (declared !== length || length > input.length * MAX_RATIO)
        throw new RecordIntegrityError();
      try {
        const output =
          length <= SYNC_BYTES ? lz4.get().uncompressSync(input) : lz4.get().uncompress(input);
        return ofLength(await output, length);
      } catch {
        throw new RecordIntegrityError();
      }
    },
  };
}
