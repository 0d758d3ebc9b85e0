import type * as nodeZlib from "node:zlib";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { zstdCompressor } from "../../../src/codec/compressor/zstd.js";
import { compressibleBytes } from "../../support/bytes.js";
import { codeThrownBy, INTEGRITY } from "../../support/refusals.js";
import { zstdFrame } from "../../support/zstd-frames.js";

type Callback = (error: Error | null, output: Buffer) => void;

const { LEVEL_PARAMETER, seen } = vi.hoisted(() => ({
  LEVEL_PARAMETER: 100,
  seen: {
    compressOptions: [] as unknown[],
    decompressOptions: [] as unknown[],
    output: undefined as Buffer | undefined,
  },
}));

/** The part of Node's zlib from 22.15 on that the compressor uses. */
vi.mock("node:zlib", async (importOriginal) => {
  const { default: original } = await importOriginal<{ default: typeof nodeZlib }>();
  return {
    default: {
      ...original,
      constants: { ...original.constants, ZSTD_c_compressionLevel: LEVEL_PARAMETER },
      zstdCompress: (bytes: Uint8Array, options: unknown, callback: Callback) => {
        seen.compressOptions.push(options);
        // This fake supports only inputs with equal bytes, as in all of these tests.
        const blocks = [
          { type: "rle", size: bytes.length, content: bytes.subarray(0, 1) },
        ] as const;
        callback(null, zstdFrame({ contentSize: bytes.length, blocks }));
      },
      zstdDecompress: (_bytes: Uint8Array, options: unknown, callback: Callback) => {
        seen.decompressOptions.push(options);
        if (seen.output === undefined) callback(new Error("damaged"), Buffer.alloc(0));
        else callback(null, seen.output);
      },
    },
  };
});

const bytes = Buffer.alloc(5000, "z");
beforeEach(() => {
  seen.compressOptions.length = 0;
  seen.decompressOptions.length = 0;
  seen.output = bytes;
});

async function ready(level?: number) {
  const compressor = zstdCompressor(level === undefined ? {} : { level });
  await compressor.ready?.();
  return compressor;
}

describe("Zstandard of Node itself", () => {
  it("compresses at the given level and declares the length in the frame", async () => {
    for (const level of [undefined, 1, 19]) {
      const frame = await (await ready(level)).compress(bytes);
      expect(frame.length).toBeLessThan(30);
    }
    expect(seen.compressOptions).toEqual(
      [3, 1, 19].map((level) => ({ params: { [LEVEL_PARAMETER]: level }, pledgedSrcSize: 5000 })),
    );
  });

  it("decompresses with the length as the limit", async () => {
    const compressor = await ready();
    const back = await compressor.decompress(await compressor.compress(bytes), 5000);
    expect(bytes.equals(back)).toBe(true);
    expect(seen.decompressOptions).toEqual([{ maxOutputLength: 5000 }]);
  });

  it("refuses a frame that fails to decompress or has another length", async () => {
    const compressor = await ready();
    const frame = await compressor.compress(bytes);
    for (const output of [undefined, bytes.subarray(1), compressibleBytes(5001)]) {
      seen.output = output;
      expect(await codeThrownBy(async () => compressor.decompress(frame, 5000))).toBe(INTEGRITY);
    }
  });

  it("decompresses nothing that is not a bounded frame", async () => {
    const compressor = await ready();
    const frame = await compressor.compress(bytes);
    expect(await codeThrownBy(async () => compressor.decompress(frame, 4999))).toBe(INTEGRITY);
    expect(seen.decompressOptions).toEqual([]);
  });

  it("always gets a limit of at least one byte, because zlib does not accept less", async () => {
    const compressor = await ready();
    seen.output = Buffer.alloc(0);
    const empty = zstdFrame({ contentSize: 0, blocks: [{ type: "raw", size: 0 }] });
    expect(await compressor.decompress(empty, 0)).toHaveLength(0);
    expect(seen.decompressOptions).toEqual([{ maxOutputLength: 1 }]);
  });
});
