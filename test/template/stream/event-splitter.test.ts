import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventSplitter } from "../../../src/template/stream/event-splitter.js";
import { expectLinearReading } from "../../support/characters-read.js";
import { readEvents } from "../../support/foreign-events.js";

function split(pieces: Iterable<string>): string[] {
  const splitter = new EventSplitter();
  const events = [...pieces].flatMap((piece) => splitter.push(piece));
  return [...events, splitter.end()];
}

describe("EventSplitter", () => {
  it("returns the whole text, with the events of another parser, for any division into chunks", () => {
    const part = fc.constantFrom("\n", "\r", "\r\n", "\n\n", "data: x", "\u2028", "\uFEFF");
    const property = fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      const withoutMark = text.replace(/^\uFEFF/, "");
      const expected = readEvents(withoutMark);
      for (const pieces of [[text], text, parts]) {
        const events = split(pieces);
        expect(events.join("")).toBe(withoutMark);
        const read = events.map(readEvents);
        expect(read.flat()).toEqual(expected);
        expect(Math.max(...read.map((inOne) => inOne.length))).toBeLessThan(2);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("ends an event at LF and CR as soon as the CR has arrived", () => {
    expect(new EventSplitter().push("data: x\n\r")).toEqual(["data: x\n\r"]);
  });

  it("removes one byte order mark, only at the start, also after empty chunks", () => {
    expect(split(["", "\uFEFF\uFEFFa\n\n", "\uFEFFb"])).toEqual(["\uFEFFa\n\n", "\uFEFFb"]);
  });

  it("reads each character a limited number of times, in chunks of one character", async () => {
    await expectLinearReading((length) => {
      expect(split(`${"x".repeat(length)}\n\n`)).toHaveLength(2);
    });
  });

  it("rejects an event over 1 MiB, and accepts any number of shorter ones", () => {
    expect(() => split(new Array(1025).fill("x".repeat(1024)))).toThrow(RangeError);
    expect(split(new Array(1025).fill(`${"x".repeat(1022)}\n\n`))).toHaveLength(1026);
  });
});
