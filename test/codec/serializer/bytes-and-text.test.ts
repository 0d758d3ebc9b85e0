import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesSerializer } from "../../../src/codec/serializer/bytes.js";
import { textSerializer } from "../../../src/codec/serializer/text.js";

describe("the serializer for bytes", () => {
  const serializer = bytesSerializer();

  it("returns a plain Uint8Array that shares no memory with the input", () => {
    const input = Buffer.from([1, 2, 3]);
    const back = serializer.deserialize(input) as Uint8Array;
    input.fill(0);
    expect(back).toStrictEqual(Uint8Array.of(1, 2, 3));
    expect(back.buffer.byteLength).toBe(3);
  });

  it("has an id that records keep, and nothing to load", () => {
    expect([serializer.id, serializer.ready]).toEqual([1, undefined]);
  });
});

describe("the serializer for text", () => {
  const serializer = textSerializer();

  it("keeps any well-formed text, a byte order mark at its start too", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.constantFrom("\ufeffmarked", "\0", "\u{10ffff}", "\ufffd", ""),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const stored = Buffer.from(serializer.serialize(text) as string, "utf8");
        expect(serializer.deserialize(stored)).toBe(text);
      }),
    );
  });

  it("has an id that records keep, and nothing to load", () => {
    expect([serializer.id, serializer.ready]).toEqual([2, undefined]);
  });
});
