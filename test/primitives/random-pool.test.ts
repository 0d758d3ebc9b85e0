import { describe, expect, it } from "vitest";
import { fillRandom, fillSecret, randomHex } from "../../src/primitives/random-pool.js";

function randomBytes(byteCount: number): Buffer {
  const bytes = Buffer.alloc(byteCount);
  fillRandom(bytes, 0, byteCount);
  return bytes;
}

describe("the random pool", () => {
  it.each([0, 1, 8, 12, 32, 8192])("returns %i bytes for a request of %i", (count) => {
    expect(randomBytes(count)).toHaveLength(count);
    expect(randomHex(count)).toMatch(new RegExp(`^[0-9a-f]{${2 * count}}$`));
  });

  it("never repeats bytes, across many refills", () => {
    const seen = new Set<string>();
    for (let draw = 0; draw < 3000; draw++) {
      seen.add(randomHex(16));
      seen.add(randomBytes(16).toString("hex"));
      const target = Buffer.alloc(16);
      fillRandom(target, 0, 16);
      seen.add(target.toString("hex"));
    }
    expect(seen.size).toBe(9000);
  });

  it("returns complete results when the pool runs out in the middle of one", () => {
    for (let draw = 0; draw < 50; draw++) {
      // 5,000 bytes fit the pool once: every other draw refills it.
      const bytes = randomBytes(5000);
      expect(bytes.subarray(4984).equals(Buffer.alloc(16))).toBe(false);
      expect(bytes.subarray(0, 16).equals(Buffer.alloc(16))).toBe(false);
    }
  });

  it("returns every byte value about equally often", () => {
    const counts = new Array<number>(256).fill(0);
    for (let draw = 0; draw < 2048; draw++) {
      for (const byte of randomBytes(128)) counts[byte] = (counts[byte] ?? 0) + 1;
    }
    // 1,024 expected of each with a standard deviation of 32: ten of those is never chance.
    expect(Math.min(...counts)).toBeGreaterThan(1024 - 320);
    expect(Math.max(...counts)).toBeLessThan(1024 + 320);
  });

  it("writes only between the given bounds", () => {
    const target = Buffer.alloc(64);
    fillRandom(target, 16, 32);
    expect(target.subarray(0, 16).equals(Buffer.alloc(16))).toBe(true);
    expect(target.subarray(48).equals(Buffer.alloc(16))).toBe(true);
    expect(target.subarray(16, 48).equals(Buffer.alloc(32))).toBe(false);
  });

  it("writes secrets that differ from each other and stay within their bounds", () => {
    const target = Buffer.alloc(96);
    fillSecret(target, 0, 32);
    fillSecret(target, 64, 32);
    expect(target.subarray(32, 64).equals(Buffer.alloc(32))).toBe(true);
    expect(target.subarray(0, 32).equals(target.subarray(64))).toBe(false);
    expect(target.subarray(64).equals(Buffer.alloc(32))).toBe(false);
  });
});
