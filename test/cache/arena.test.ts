import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Arena, bytesOf, type Slice } from "../../src/cache/arena.js";
import { bytes } from "./in-process.js";

const LARGE = 300_000;

describe("an arena", () => {
  it("keeps every slice unchanged, whatever is put, released, moved or cleared afterwards", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 200, size: "max" });
    fc.assert(
      fc.property(pieces, (list) => {
        const arena = new Arena();
        const slices = list.map((piece) => arena.put(piece));
        const views = slices.map(bytesOf);
        arena.beginMove();
        const moved = slices.map((slice) => arena.move(slice));
        arena.endMove();
        const movedViews = moved.map(bytesOf);
        for (const slice of moved) arena.release(slice);
        arena.clear();
        for (const piece of list) arena.put(piece.map((value) => ~value));
        for (const [index, piece] of list.entries()) {
          expect(Buffer.compare(views[index] ?? bytes(0), piece)).toBe(0);
          expect(Buffer.compare(movedViews[index] ?? bytes(0), piece)).toBe(0);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("copies the bytes, so that their memory may be reused", () => {
    const piece = bytes(10);
    const slice = new Arena().put(piece);
    piece.fill(9);
    expect(bytesOf(slice)).toEqual(bytes(10));
  });

  it("stores a piece larger than a chunk in one slice", () => {
    const arena = new Arena();
    const slices: Slice[] = [bytes(5, 1), bytes(LARGE, 2), bytes(5, 3)].map((piece) =>
      arena.put(piece),
    );
    expect(slices.map((slice) => slice.length)).toEqual([5, LARGE, 5]);
    expect(slices.map((slice) => bytesOf(slice)[slice.length - 1])).toEqual([1, 2, 3]);
  });

  it("is sparse once more than half of it, and more than a few chunks, were released", () => {
    const arena = new Arena();
    const slices = Array.from({ length: 10 }, () => arena.put(bytes(100_000)));
    expect(arena.isSparse).toBe(false);
    for (const slice of slices.slice(0, 6)) arena.release(slice);
    expect(arena.isSparse).toBe(false);
    for (const slice of slices.slice(6, 7)) arena.release(slice);
    expect(arena.isSparse).toBe(true);
    arena.clear();
    expect(arena.isSparse).toBe(false);
  });

  it("stays sparse until every live slice was moved", () => {
    const arena = new Arena();
    const slices = Array.from({ length: 10 }, () => arena.put(bytes(100_000)));
    for (const slice of slices.slice(0, 7)) arena.release(slice);
    arena.beginMove();
    for (const slice of slices.slice(7)) {
      expect(arena.isSparse).toBe(true);
      arena.move(slice);
    }
    arena.endMove();
    expect(arena.isSparse).toBe(false);
  });

  it("allocates nothing from the current chunk once a move has begun", () => {
    const arena = new Arena();
    const { chunk } = arena.put(bytes(10));
    arena.beginMove();
    expect(arena.put(bytes(10)).chunk === chunk).toBe(false);
  });
});
