import zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import { plaintextEncryptor } from "../../../src/codec/encryptor/plaintext.js";
import { VaultCodec } from "../../../src/codec/vault-codec.js";
import { compressibleBytes } from "../../support/bytes.js";
import { compressorNamed } from "../../support/compressors.js";
import { codeThrownBy, INTEGRITY, TOO_LARGE } from "../../support/refusals.js";
import { zstdFrame } from "../../support/zstd-frames.js";

const MIB = 1_048_576;
const BOMB_BYTES = 512 * MIB;

/** Returns a bomb of 512 MiB. Compresses piece by piece, because the test measures memory. */
function rleBomb(contentSize: number): Buffer {
  const blocks = Array.from(
    { length: BOMB_BYTES / 131_072 },
    () => ({ type: "rle", size: 131_072 }) as const,
  );
  return zstdFrame({ contentSize, blocks });
}

/** Returns a run of zeros in LZ4's block format: one literal, then one very long match. */
function lz4Bomb(declared: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32LE(declared);
  const run = Buffer.alloc(BOMB_BYTES / 255, 0xff);
  return Buffer.concat([
    prefix,
    Buffer.of(0x1f, 0, 1, 0),
    run,
    Buffer.of(0, 0x50),
    Buffer.alloc(5),
  ]);
}

/** Returns a zlib stream of 512 MiB of zeros. It repeats one deflate block, because all blocks are equal. */
function deflateBomb(format: "deflate" | "gzip"): Buffer {
  const flush = { finishFlush: zlib.constants.Z_FULL_FLUSH } as const;
  const start = zlib.deflateRawSync(Buffer.alloc(16 * MIB), { level: 9, ...flush });
  const stream = Buffer.concat([...new Array<Buffer>(32).fill(start), Buffer.of(3, 0)]);
  const head =
    format === "gzip" ? Buffer.from("1f8b0800000000000003", "hex") : Buffer.of(0x78, 0xda);
  return Buffer.concat([head, stream, Buffer.alloc(8)]);
}

function brotliBomb(): Buffer {
  return zlib.brotliCompressSync(Buffer.alloc(256 * MIB), {
    params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1, [zlib.constants.BROTLI_PARAM_LGWIN]: 24 },
  });
}

/** Returns the growth of this process's peak memory during a call, in MiB. */
async function peakGrowthOf(call: () => Promise<unknown>): Promise<number> {
  const before = process.resourceUsage().maxRSS;
  await call();
  return (process.resourceUsage().maxRSS - before) / 1024;
}

const bombs: [string, string, () => Buffer, readonly number[]][] = [
  // Brotli first: making its bomb raises the peak memory, so only later growth beyond it would be noticed.
  ["brotli", "that declares little", brotliBomb, [1, 1000, 600_000]],
  ["deflate", "that declares little", () => deflateBomb("deflate"), [1, 1000, 600_000]],
  ["gzip", "that declares little", () => deflateBomb("gzip"), [1, 1000, 600_000]],
  ["zstd", "that declares little", () => rleBomb(1000), [1, 1000, 600_000]],
  ["zstd", "that declares what it gives", () => rleBomb(BOMB_BYTES), [1, 1000, 600_000]],
  ["lz4", "that declares little", () => lz4Bomb(1000), [1, 1000]],
  ["lz4", "that declares what it gives", () => lz4Bomb(BOMB_BYTES), [1, 1000, 600_000]],
];

describe("a decompression bomb", () => {
  it.each(bombs)("of %s %s is refused before it expands", async (name, _, make, lengths) => {
    const bomb = make();
    expect(bomb.length).toBeLessThan(4 * MIB);
    const compressor = compressorNamed(name);
    for (const length of lengths) {
      const growth = await peakGrowthOf(async () => {
        expect(await codeThrownBy(async () => compressor.decompress(bomb, length))).toBe(INTEGRITY);
      });
      expect(growth).toBeLessThan(64);
    }
  });

  it("of LZ4 that declares more than its bytes can expand to allocates nothing", async () => {
    const lz4 = compressorNamed("lz4");
    const liar = Buffer.alloc(1000);
    liar.writeUInt32LE(0xffff_fffe);
    const growth = await peakGrowthOf(async () => {
      const decompress = async () => lz4.decompress(liar, 0xffff_fffe);
      expect(await codeThrownBy(decompress)).toBe(INTEGRITY);
    });
    expect(growth).toBeLessThan(64);
  });

  it("of Zstandard with too many blocks that could each expand to 128 KiB is refused", async () => {
    const block = { type: "compressed", size: 3 } as const;
    const blocks = new Array<typeof block>(10_000).fill(block);
    const zstd = compressorNamed("zstd");
    for (const contentSize of [1000, 1_000_000]) {
      const frame = zstdFrame({ contentSize, blocks });
      const decompress = async () => zstd.decompress(frame, contentSize);
      expect(await codeThrownBy(decompress)).toBe(INTEGRITY);
    }
  });

  it("does decompress completely if the caller asks for its full length", async () => {
    const size = 4 * MIB;
    const blocks = Array.from(
      { length: size / 131_072 },
      () => ({ type: "rle", size: 131_072 }) as const,
    );
    const zeros = Buffer.alloc(size, "a");
    const frame = zstdFrame({ contentSize: size, blocks });
    expect(zeros.equals(await compressorNamed("zstd").decompress(frame, size))).toBe(true);
  });

  it("never expands beyond maxPayloadBytes in a codec, whatever its header declares", async () => {
    const encryptor = plaintextEncryptor();
    const writer = new VaultCodec({ encryptor });
    const reader = new VaultCodec({ encryptor, maxPayloadBytes: 1000 });
    const sealed = await writer.encode(compressibleBytes(1001));
    expect(await codeThrownBy(() => reader.decode(sealed))).toBe(TOO_LARGE);
  });
});
