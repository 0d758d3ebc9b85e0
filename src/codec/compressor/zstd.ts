/**
 * Zstandard (RFC 8878), from Node 22.15 and later, or else from the package `@mongodb-js/zstd`.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { lazily, loadPeer } from "../../load-peer.js";
import { asBuffer } from "../../primitives/bytes.js";
import type { Compressor } from "../../vault/contracts.js";
import { RecordIntegrityError } from "../../vault/errors.js";
import { checkedLevel, type LevelOptions, ofLength } from "./zlib.js";
import { frameOr, isBoundedFrame } from "./zstd-frame.js";

const THRESHOLD_BYTES = 1024;
const PEER = "@mongodb-js/zstd";

/** Zstandard, either of Node or of the package. */
interface Zstd {
  compress(bytes: Buffer, level: number): Promise<Uint8Array>;
  /** Called only for a frame that cannot expand to much more than `length` bytes. */
  decompress(bytes: Buffer, length: number): Promise<Uint8Array>;
}

/** The part of `node:zlib` that exists from Node 22.15 on. Older type declarations lack it. */
interface NodeZstd {
  readonly zstdCompress?: (bytes: Uint8Array, options: object, callback: ZstdCallback) => void;
  readonly zstdDecompress?: (bytes: Uint8Array, options: object, callback: ZstdCallback) => void;
  readonly constants: { readonly ZSTD_c_compressionLevel?: number };
}

type ZstdCallback = (error: Error | null, output: Buffer) => void;

/**
 * Returns the Zstandard compressor; level 1 to 19, by default 3.
 *
 * `@mongodb-js/zstd` 1.x ignores the level and compresses at its own.
 */
export function zstdCompressor(options: LevelOptions = {}): Compressor {
  const level = checkedLevel(options, { fallback: 3, max: 19 });
  const zstd = lazily(
    "zstdCompressor",
    async () => fromNode(zlib as unknown as NodeZstd) ?? (await fromPeer()),
  );
  return {
    id: 5,
    thresholdBytes: THRESHOLD_BYTES,
    ready: zstd.ready,
    compress: async (bytes) => frameOr(await zstd.get().compress(asBuffer(bytes), level), bytes),
    async decompress(bytes, length) {
      const input = asBuffer(bytes);
      if (!isBoundedFrame(input, length)) throw new RecordIntegrityError();
      try {
        return ofLength(await zstd.get().decompress(input, length), length);
      } catch {
        throw new RecordIntegrityError();
      }
    },
  };
}

function fromNode(node: NodeZstd): Zstd | undefined {
  const { zstdCompress, zstdDecompress, constants } = node;
  const levelParameter = constants.ZSTD_c_compressionLevel;
  if (!zstdCompress || !zstdDecompress || levelParameter === undefined) return undefined;
  const compress = promisify<Uint8Array, object, Buffer>(zstdCompress);
  const decompress = promisify<Uint8Array, object, Buffer>(zstdDecompress);
  return {
    // With a pledged size the frame declares its length, which decompression checks.
    compress: (bytes, level) =>
      compress(bytes, { params: { [levelParameter]: level }, pledgedSrcSize: bytes.length }),
    decompress: (bytes, length) => decompress(bytes, { maxOutputLength: Math.max(length, 1) }),
  };
}

async function fromPeer(): Promise<Zstd> {
  const peer = await loadPeer(PEER, () => import("@mongodb-js/zstd"));
  return {
    compress: (bytes, level) => peer.compress(bytes, level),
    decompress: (bytes) => peer.decompress(bytes),
  };
}
