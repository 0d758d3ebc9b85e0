/** Reads the structure of a Zstandard frame (RFC 8878, section 3.1.1) without decompressing it. */

import type { Buffer } from "node:buffer";
import { asBuffer } from "../../primitives/bytes.js";

const MAGIC = 0xfd2fb528;
const MAX_BLOCK_BYTES = 131_072;
const CHECKSUM_BYTES = 4;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const RAW = 0;
const RLE = 1;
const COMPRESSED = 2;

interface FrameHeader {
  /** Absent if the compressor did not declare it: `@mongodb-js/zstd` 1.x never does. */
  readonly contentSize: number | undefined;
  readonly hasChecksum: boolean;
}

/** Reads numbers in sequence. Past the end of the input they are `NaN`. */
class Cursor {
  readonly #bytes: Buffer;
  offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.offset === this.#bytes.length;
  }

  /** Returns an unsigned little-endian number; past the end `NaN`, which fails every comparison. */
  number(byteCount: number): number {
    const start = this.offset;
    this.offset += byteCount;
    if (this.offset > this.#bytes.length) return Number.NaN;
    if (byteCount === 0) return 0;
    return byteCount === 8
      ? Number(this.#bytes.readBigUInt64LE(start))
      : this.#bytes.readUIntLE(start, byteCount);
  }
}

/**
 * Returns whether the input is exactly one frame, declares `length` bytes of content or no length, and has
 * blocks that cannot expand to much more than that.
 *
 * This check stops a decompression bomb before it expands: libzstd compares the declared length with the
 * output only after the last block, and `@mongodb-js/zstd` has no limit of its own.
 */
export function isBoundedFrame(input: Buffer, length: number): boolean {
  const cursor = new Cursor(input);
  const header = readHeader(cursor);
  if (header === undefined || (header.contentSize ?? length) !== length) return false;
  const output = maxBlocksOutput(cursor, Math.min(MAX_BLOCK_BYTES, length));
  if (header.hasChecksum) cursor.number(CHECKSUM_BYTES);
  // A compressor may split blocks for better compression, so the sum of their bounds exceeds the content.
  return cursor.atEnd && output <= 4 * length + 4 * MAX_BLOCK_BYTES;
}

/**
 * Returns the frame of `content`; `content` itself if decompression would refuse the frame. The codec then
 * finds that nothing was saved, and stores the content uncompressed.
 */
export function frameOr(frame: Uint8Array, content: Uint8Array): Uint8Array {
  return isBoundedFrame(asBuffer(frame), content.length) ? frame : content;
}

function readHeader(cursor: Cursor): FrameHeader | undefined {
  if (cursor.number(4) !== MAGIC) return undefined;
  const descriptor = cursor.number(1);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) cursor.number(1); // the window size, which is not needed here
  cursor.number(DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3]);
  const sizeFlag = (descriptor >> 6) as 0 | 1 | 2 | 3;
  const sizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag];
  const hasChecksum = (descriptor & 4) !== 0;
  if (sizeBytes === 0) return { contentSize: undefined, hasChecksum };
  const contentSize = cursor.number(sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  return { contentSize, hasChecksum };
}

/** Returns the greatest size that the blocks can expand to; `NaN` if the input is malformed. */
function maxBlocksOutput(cursor: Cursor, maxBlockBytes: number): number {
  let output = 0;
  for (;;) {
    const header = cursor.number(3);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === RAW || type === COMPRESSED) cursor.offset += size;
    if (type === RLE) cursor.offset += 1;
    output +=
      type === RAW || type === RLE ? size : type === COMPRESSED ? maxBlockBytes : Number.NaN;
    if (Number.isNaN(header)) return header;
    if (Number.isNaN(output) || (header & 1) === 1) return output;
  }
}
