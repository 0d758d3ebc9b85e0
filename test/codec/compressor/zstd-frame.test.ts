import { describe, expect, it } from "vitest";
import { frameOr, isBoundedFrame } from "../../../src/codec/compressor/zstd-frame.js";
import { compressibleBytes, pseudoRandomBytes } from "../../support/bytes.js";
import { compressorNamed } from "../../support/compressors.js";
import { codeThrownBy, INTEGRITY } from "../../support/refusals.js";
import { type FrameOptions, MAGIC, zstdFrame } from "../../support/zstd-frames.js";

const zstd = compressorNamed("zstd");
const decompress = (frame: Uint8Array, length: number) =>
  codeThrownBy(async () => zstd.decompress(frame, length));
const raw = (size: number) => ({ type: "raw", size }) as const;
const rle = (size: number) => ({ type: "rle", size }) as const;

const sound: readonly [string, FrameOptions, number][] = [
  ["a size in 1 byte", { contentSize: 100, contentSizeBytes: 1, blocks: [raw(100)] }, 100],
  ["a size in 2 bytes", { contentSize: 300, contentSizeBytes: 2, blocks: [raw(300)] }, 300],
  ["a size in 4 bytes", { contentSize: 300, contentSizeBytes: 4, blocks: [raw(300)] }, 300],
  ["a size in 8 bytes", { contentSize: 300, blocks: [raw(300)] }, 300],
  ["a window", { contentSize: 300, blocks: [rle(300)], windowDescriptor: 0 }, 300],
  ["several blocks", { contentSize: 330, blocks: [raw(100), rle(200), raw(30)] }, 330],
  ["an empty last block", { contentSize: 100, blocks: [raw(100), raw(0)] }, 100],
  ["no content", { contentSize: 0, contentSizeBytes: 1, blocks: [raw(0)] }, 0],
];

describe("a frame of Zstandard", () => {
  it.each(sound)("is read with %s", async (_, options, length) => {
    const frame = zstdFrame(options);
    expect(isBoundedFrame(frame, length)).toBe(true);
    const back = Buffer.from(await zstd.decompress(frame, length));
    expect(back.equals(Buffer.alloc(length, "a"))).toBe(true);
  });

  it.each(sound)(
    "with %s is refused if it is truncated, has trailing bytes, or has another length",
    (_, options, length) => {
      const frame = zstdFrame(options);
      for (let cut = 0; cut < frame.length; cut++) {
        expect(isBoundedFrame(frame.subarray(0, cut), length)).toBe(false);
      }
      expect(isBoundedFrame(Buffer.concat([frame, Buffer.of(0)]), length)).toBe(false);
      expect(isBoundedFrame(Buffer.concat([frame, frame]), length)).toBe(false);
      expect(isBoundedFrame(frame, length + 1)).toBe(false);
      expect(isBoundedFrame(frame, length - 1)).toBe(false);
    },
  );

  it("with a checksum includes it in its length", () => {
    const options = { contentSize: 100, contentSizeBytes: 1, blocks: [raw(100)] } as const;
    const frame = zstdFrame({ ...options, checksum: Buffer.alloc(4) });
    expect(isBoundedFrame(frame, 100)).toBe(true);
    for (const cut of [1, 2, 3, 4]) {
      expect(isBoundedFrame(frame.subarray(0, -cut), 100)).toBe(false);
    }
  });

  it("with a wrong checksum is refused when it is decompressed", async () => {
    const options = { contentSize: 100, contentSizeBytes: 1, blocks: [raw(100)] } as const;
    expect(await decompress(zstdFrame({ ...options, checksum: Buffer.alloc(4) }), 100)).toBe(
      INTEGRITY,
    );
  });

  it("that needs a dictionary is refused when it is decompressed", async () => {
    for (const dictionaryId of [Buffer.of(7), Buffer.of(7, 0), Buffer.of(7, 0, 0, 0)]) {
      const frame = zstdFrame({ contentSize: 100, blocks: [raw(100)], dictionaryId });
      expect(isBoundedFrame(frame, 100)).toBe(true);
      expect(await decompress(frame, 100)).toBe(INTEGRITY);
    }
  });

  it.each([
    [
      "that does not declare its size, with more than was asked for",
      { contentSize: undefined, blocks: new Array(99).fill(rle(131_072)), windowDescriptor: 0x58 },
    ],
    ["with a reserved block", { contentSize: 5, blocks: [{ type: "reserved", size: 5 }, raw(0)] }],
    ["without blocks", { contentSize: 5, blocks: [] }],
    ["whose size is beyond all bounds", { contentSize: 2n ** 64n - 1n, blocks: [raw(5)] }],
  ] as const)("%s is refused", async (_, options) => {
    const frame = zstdFrame(options);
    expect(isBoundedFrame(frame, 5)).toBe(false);
    expect(await decompress(frame, 5)).toBe(INTEGRITY);
  });

  it("is refused if it is skippable, or follows a skippable one", async () => {
    const skippable = Buffer.concat([
      Buffer.of(0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0),
      Buffer.alloc(4),
    ]);
    const frame = zstdFrame({ contentSize: 5, blocks: [raw(5)] });
    for (const input of [
      skippable,
      Buffer.concat([skippable, frame]),
      Buffer.concat([frame, skippable]),
    ]) {
      expect(await decompress(input, 5)).toBe(INTEGRITY);
    }
    expect(await decompress(frame, 5)).toBe("no error");
  });

  it("of another magic number is refused", () => {
    const frame = zstdFrame({ contentSize: 5, blocks: [raw(5)] });
    for (let bit = 0; bit < MAGIC.length * 8; bit++) {
      const altered = Buffer.from(frame);
      altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(isBoundedFrame(altered, 5)).toBe(false);
    }
  });

  it("is replaced by its content if it could not be decompressed", () => {
    const content = Buffer.from("12345");
    const sound = zstdFrame({ contentSize: 5, blocks: [raw(5)] });
    expect(frameOr(sound, content)).toBe(sound);
    expect(frameOr(Buffer.concat([sound, sound]), content)).toBe(content);
  });

  it("from the compressor can always be decompressed", async () => {
    for (const size of [1, 255, 256, 257, 65_791, 65_792, 131_072, 131_073, 3_000_000]) {
      for (const bytes of [compressibleBytes(size), pseudoRandomBytes(size)]) {
        const frame = await zstd.compress(bytes);
        expect(isBoundedFrame(Buffer.from(frame), size)).toBe(true);
      }
    }
  });
});
