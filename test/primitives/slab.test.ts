import { describe, expect, it } from "vitest";
import { allocateShortLived } from "../../src/primitives/slab.js";

describe("short-lived memory", () => {
  it("never returns the same byte twice", () => {
    const sizes = Array.from({ length: 600 }, (_, index) => (index * 911) % 8193);
    const cuts = sizes.map((size, index) => allocateShortLived(size).fill(index & 0xff));
    cuts.forEach((cut, index) => {
      expect(cut).toHaveLength(sizes[index] ?? -1);
      expect(cut.every((byte) => byte === (index & 0xff))).toBe(true);
    });
  });

  it("takes small pieces from one slab and allocates large ones separately", () => {
    const neighbours = new Set(Array.from({ length: 9 }, () => allocateShortLived(64).buffer));
    expect(neighbours.size).toBeLessThanOrEqual(2);
    expect(allocateShortLived(8192).buffer.byteLength).toBe(65_536);
    const large = allocateShortLived(8193);
    expect(large.buffer.byteLength).toBe(8193);
    expect(large).toHaveLength(8193);
  });

  it("fills a slab to its last byte before it makes another", () => {
    const cuts = Array.from({ length: 17 }, () => allocateShortLived(8192));
    const slabs = new Map<ArrayBufferLike, number>();
    for (const { buffer } of cuts) slabs.set(buffer, (slabs.get(buffer) ?? 0) + 1);
    expect(Math.max(...slabs.values())).toBe(8);
    expect(cuts.every((cut) => cut.byteOffset + cut.length <= 65_536)).toBe(true);
  });
});
