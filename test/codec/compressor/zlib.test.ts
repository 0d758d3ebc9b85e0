import zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  brotliCompressor,
  deflateCompressor,
  gzipCompressor,
  type LevelOptions,
} from "../../../src/codec/compressor/zlib.js";
import { zstdCompressor } from "../../../src/codec/compressor/zstd.js";
import { compressibleBytes } from "../../support/bytes.js";
import { codeThrownBy, INTEGRITY, messageThrownBy } from "../../support/refusals.js";
import { hex, loadVectors } from "../../support/vectors.js";

interface Blob {
  readonly blob: string;
  readonly plaintext: string;
}
const interop = loadVectors<{ zlib: readonly Blob[]; gzip: readonly Blob[] }>(
  "interop/python_cryptography.json",
);

describe("data that Python compressed", () => {
  it.each([
    ["zlib", deflateCompressor(), interop.zlib],
    ["gzip", gzipCompressor(), interop.gzip],
  ])("is decompressed: %s", async (_, compressor, blobs) => {
    expect(blobs).toHaveLength(7);
    for (const { blob, plaintext } of blobs) {
      const bytes = hex(plaintext);
      const back = await compressor.decompress(hex(blob), bytes.length);
      expect(bytes.equals(back)).toBe(true);
    }
  });
});

describe("the formats", () => {
  const bytes = compressibleBytes(5000);

  it("are those of zlib, gzip and Brotli, which Node itself reads", async () => {
    const [deflated, gzipped, brotlied] = await Promise.all([
      deflateCompressor().compress(bytes),
      gzipCompressor().compress(bytes),
      brotliCompressor().compress(bytes),
    ]);
    expect(zlib.inflateSync(deflated).equals(bytes)).toBe(true);
    expect(zlib.gunzipSync(gzipped).equals(bytes)).toBe(true);
    expect(zlib.brotliDecompressSync(brotlied).equals(bytes)).toBe(true);
  });

  it("of deflate and gzip have a checksum that detects a changed byte", async () => {
    for (const compressor of [deflateCompressor(), gzipCompressor()]) {
      const compressed = Buffer.from(await compressor.compress(bytes));
      const at = compressed.length - (compressor.id === 1 ? 1 : 5);
      compressed.writeUInt8(compressed.readUInt8(at) ^ 1, at);
      const decompress = async () => compressor.decompress(compressed, 5000);
      expect(await codeThrownBy(decompress)).toBe(INTEGRITY);
    }
  });
});

const makers: [string, (options?: LevelOptions) => ReturnType<typeof deflateCompressor>, number][] =
  [
    ["deflate", deflateCompressor, 9],
    ["gzip", gzipCompressor, 9],
    ["brotli", brotliCompressor, 11],
    ["zstd", zstdCompressor, 19],
  ];

describe.each(makers)("the level of %s", (name, make, highest) => {
  it("may be from 1 to the highest one, which gives no more bytes than the lowest", async () => {
    const bytes = Buffer.concat([compressibleBytes(20_000), Buffer.from(String(process.version))]);
    const sizes: number[] = [];
    for (const level of [1, highest]) {
      const compressor = make({ level });
      await compressor.ready?.();
      const compressed = await compressor.compress(bytes);
      expect(bytes.equals(await compressor.decompress(compressed, bytes.length))).toBe(true);
      sizes.push(compressed.length);
    }
    expect(sizes[1]).toBeLessThanOrEqual(sizes[0] ?? 0);
  });

  it("is refused outside this range", async () => {
    const message = `level must be a whole number from 1 to ${highest}`;
    for (const level of [0, highest + 1, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => make({ level })).toThrow(new RangeError(message));
    }
    for (const level of ["3", null, {}]) {
      const options = { level } as unknown as LevelOptions;
      expect(() => make(options)).toThrow(new TypeError("level must be a number"));
    }
    expect(await messageThrownBy(() => make({ level: 12_345 }))).not.toContain("12345");
  });

  it("has a default", () => {
    expect(make().id).toBe(make({ level: 1 }).id);
    expect(make({}).id).toBe({ deflate: 1, gzip: 2, brotli: 3, zstd: 5 }[name]);
  });
});

describe("the asynchronous form of a level", () => {
  it("gives the same bytes as the synchronous form", async () => {
    const sizes = await Promise.all(
      [1, 9].map(async (level) => {
        const compressed = await gzipCompressor({ level }).compress(compressibleBytes(200_000));
        return compressed.length;
      }),
    );
    const expected = [1, 9].map(
      (level) => zlib.gzipSync(compressibleBytes(200_000), { level }).length,
    );
    expect(sizes).toEqual(expected);
  });
});
