import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventSplitter } from "../../src/template/event-splitter.js";
import { expectLinearReading } from "../support/characters-read.js";
import { readEvents } from "../support/foreign-events.js";

function split(pieces: Iterable<string>): string[] {
  const splitter = new EventSplitter();
  const events = [...pieces].flatMap((piece) => splitter.push(piece));
  return [...events, splitter.end()];
}

describe("EventSplitter", () => {
  it("gives all of the text, and the events of a foreign reader wherever it is cut", () => {
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

  it("ends an event at LF then CR, as soon as the CR is there", () => {
    expect(new EventSplitter().push("data: x\n\r")).toEqual(["data: x\n\r"]);
  });

  it("leaves out one byte order mark, at the start only, after empty pieces too", () => {
    expect(split(["", "\uFEFF\uFEFFa\n\n", "\uFEFFb"])).toEqual(["\uFEFFa\n\n", "\uFEFFb"]);
  });

  it("reads no character again and again, in pieces of one character", async () => {
    await expectLinearReading((length) => {
      expect(split(`${"x".repeat(length)}\n\n`)).toHaveLength(2);
    });
  });

  it("refuses an event of more than a MiB, and takes any number of shorter ones", () => {
    expect(() => split(new Array(1025).fill("x".repeat(1024)))).toThrow(RangeError);
    expect(split(new Array(1025).fill(`${"x".repeat(1022)}\n\n`))).toHaveLength(1026);
  });
});
