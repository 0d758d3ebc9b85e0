import { describe, expect, it } from "vitest";
import { lz4Compressor } from "../../../src/codec/compressor/lz4.js";
import { zstdCompressor } from "../../../src/codec/compressor/zstd.js";
import { compressibleBytes, pseudoRandomBytes, withFlippedBit } from "../../support/bytes.js";
import { compressors } from "../../support/compressors.js";
import { codeThrownBy, INTEGRITY, thrownBy } from "../../support/refusals.js";

/** Sizes on both sides of every limit at which a compressor changes to its asynchronous form. */
const SIZES = [1, 2, 100, 4096, 65_536, 65_537, 262_144, 262_145, 524_288, 524_289, 2_000_000];

/** Node's zlib, unlike these, ignores what follows the end of a stream; in a record, the tag covers it. */
const WHOLE: ReadonlySet<string> = new Set(["lz4", "zstd"]);

describe.each(compressors)("the %s compressor", (name, compressor) => {
  /** Whether the result is compressed: a compressor may return its input, which the codec stores then. */
  const isCompressed = (compressed: Uint8Array, bytes: Uint8Array) => compressed !== bytes;

  it.each(SIZES)("restores %i bytes, of little and of much variety", async (size) => {
    for (const bytes of [compressibleBytes(size), pseudoRandomBytes(size), Buffer.alloc(size)]) {
      const compressed = await compressor.compress(bytes);
      const back = isCompressed(compressed, bytes)
        ? await compressor.decompress(compressed, size)
        : compressed;
      expect(bytes.equals(back)).toBe(true);
    }
  });

  it.each(SIZES.filter((size) => size >= 4096))("makes %i bytes far fewer", async (size) => {
    const compressed = await compressor.compress(compressibleBytes(size));
    expect(compressed.length).toBeLessThan(size / 20);
    const back = await compressor.decompress(compressed, size);
    expect(compressibleBytes(size).equals(back)).toBe(true);
  });

  it("works on any part of any Uint8Array", async () => {
    const bytes = new Uint8Array(compressibleBytes(5000));
    const within = new Uint8Array(6000).fill(1);
    within.set(bytes, 500);
    const compressed = await compressor.compress(within.subarray(500, 5500));
    const elsewhere = new Uint8Array(compressed.length + 20).fill(2);
    elsewhere.set(compressed, 9);
    const back = await compressor.decompress(elsewhere.subarray(9, 9 + compressed.length), 5000);
    expect(Buffer.from(back).equals(bytes)).toBe(true);
  });

  it("does not change its input", async () => {
    const bytes = compressibleBytes(5000);
    const compressed = Buffer.from(await compressor.compress(bytes));
    expect(bytes.equals(compressibleBytes(5000))).toBe(true);
    const copy = Buffer.from(compressed);
    await compressor.decompress(compressed, 5000);
    expect(compressed.equals(copy)).toBe(true);
  });

  it.each([5000, 600_000])("refuses every length other than that of %i bytes", async (size) => {
    const compressed = await compressor.compress(compressibleBytes(size));
    for (const length of [0, 1, size - 1, size + 1, 2 * size, 1_000_000, 2 ** 31]) {
      const decompress = async () => compressor.decompress(compressed, length);
      expect(await codeThrownBy(decompress)).toBe(INTEGRITY);
    }
  });

  it("refuses an input that was truncated at any length", async () => {
    const bytes = Buffer.concat([compressibleBytes(300), pseudoRandomBytes(100)]);
    const compressed = await compressor.compress(bytes);
    for (let length = 0; length < compressed.length; length++) {
      const cut = compressed.subarray(0, length);
      expect(await codeThrownBy(async () => compressor.decompress(cut, 400))).toBe(INTEGRITY);
    }
  });

  it.each([400, 600_000])("returns %i bytes or refuses, for every flipped bit", async (size) => {
    const bytes = Buffer.concat([compressibleBytes(size - 100), pseudoRandomBytes(100)]);
    const compressed = await compressor.compress(bytes);
    const step = size === 400 ? 1 : Math.ceil((compressed.length * 8) / 100);
    let refused = 0;
    for (let bit = 0; bit < compressed.length * 8; bit += step) {
      try {
        const back = await compressor.decompress(withFlippedBit(compressed, bit), size);
        expect(back).toHaveLength(size);
      } catch (error) {
        expect(error).toHaveProperty("code", INTEGRITY);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  it("refuses an input of another format", async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      for (const length of [0, 1, 4, 5, 18, 1000]) {
        const noise = pseudoRandomBytes(length, seed);
        for (const declared of [0, 100, 600_000]) {
          const decompress = async () => compressor.decompress(noise, declared);
          expect(await codeThrownBy(decompress)).toBe(INTEGRITY);
        }
      }
    }
  });

  it("leaves small payloads to be stored as they are", () => {
    expect(compressor.thresholdBytes).toBe(WHOLE.has(name) ? 1024 : 4096);
  });
});

describe.each(compressors.filter(([name]) => WHOLE.has(name)))(
  "the %s compressor",
  (_, compressor) => {
    it("refuses a compressed form that is followed by anything", async () => {
      const compressed = await compressor.compress(compressibleBytes(5000));
      for (const more of [Buffer.alloc(5), Buffer.from("more"), compressed]) {
        const followed = Buffer.concat([compressed, more]);
        const decompress = async () => compressor.decompress(followed, 5000);
        expect(await codeThrownBy(decompress)).toBe(INTEGRITY);
      }
    });
  },
);

describe("compressors", () => {
  it("have the ids that stored records contain", () => {
    const ids = compressors.map(([name, { id }]) => [name, id]);
    expect(Object.fromEntries(ids)).toEqual({ deflate: 1, gzip: 2, brotli: 3, lz4: 4, zstd: 5 });
  });

  it.each([
    ["lz4Compressor", lz4Compressor],
    ["zstdCompressor", zstdCompressor],
  ])("%s cannot be used before it is ready", async (name, make) => {
    const early = make();
    const expected = new TypeError(`${name}: await ready() first`);
    expect(await thrownBy(async () => early.compress(compressibleBytes(5000)))).toEqual(expected);
  });
});
