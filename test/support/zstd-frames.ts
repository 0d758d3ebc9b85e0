/** Writes Zstandard frames (RFC 8878) by hand, both valid and invalid ones. */

interface FrameBlock {
  readonly type: "raw" | "rle" | "compressed" | "reserved";
  /** The length of the block, or the number of repetitions of its byte for RLE. */
  readonly size: number;
  readonly content?: Uint8Array;
}

export interface FrameOptions {
  readonly contentSize: number | bigint | undefined;
  readonly blocks: readonly FrameBlock[];
  /** The length of the content size field: 1, 2, 4 or 8 bytes. */
  readonly contentSizeBytes?: 1 | 2 | 4 | 8;
  /** A window descriptor instead of a single segment. */
  readonly windowDescriptor?: number;
  readonly checksum?: Uint8Array;
  readonly dictionaryId?: Uint8Array;
}

const TYPES = { raw: 0, rle: 1, compressed: 2, reserved: 3 } as const;
const SIZE_FLAGS = { 1: 0, 2: 1, 4: 2, 8: 3 } as const;
const DICTIONARY_FLAGS: Record<number, number> = { 0: 0, 1: 1, 2: 2, 4: 3 };

export const MAGIC: Buffer = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);

export function zstdFrame(options: FrameOptions): Buffer {
  const { contentSize, blocks, contentSizeBytes = 8, windowDescriptor } = options;
  const { checksum = Buffer.alloc(0), dictionaryId = Buffer.alloc(0) } = options;
  const descriptor =
    (contentSize === undefined ? 0 : SIZE_FLAGS[contentSizeBytes] << 6) |
    (windowDescriptor === undefined ? 0x20 : 0) |
    (checksum.length > 0 ? 4 : 0) |
    (DICTIONARY_FLAGS[dictionaryId.length] ?? 0);
  return Buffer.concat([
    MAGIC,
    Buffer.of(descriptor),
    windowDescriptor === undefined ? Buffer.alloc(0) : Buffer.of(windowDescriptor),
    dictionaryId,
    sizeField(contentSize, contentSizeBytes),
    ...blocks.map((block, index) => blockBytes(block, index === blocks.length - 1)),
    checksum,
  ]);
}

function sizeField(contentSize: number | bigint | undefined, byteCount: number): Buffer {
  if (contentSize === undefined) return Buffer.alloc(0);
  const field = Buffer.alloc(8);
  field.writeBigUInt64LE(BigInt(contentSize) - (byteCount === 2 ? 256n : 0n));
  return field.subarray(0, byteCount);
}

function blockBytes({ type, size, content }: FrameBlock, isLast: boolean): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (TYPES[type] << 1) | (isLast ? 1 : 0), 0, 3);
  const fallback = type === "rle" ? Buffer.of(0x61) : Buffer.alloc(size, 0x61);
  return Buffer.concat([header, content ?? fallback]);
}
