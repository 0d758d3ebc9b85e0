import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventSplitter } from "../../src/template/event-splitter.js";
import { expectLinearReading } from "../support/characters-read.js";

function split(pieces: Iterable<string>): string[] {
  const splitter = new EventSplitter();
  const events = [...pieces].flatMap((piece) => splitter.push(piece));
  return [...events, splitter.end()];
}

describe("EventSplitter", () => {
  it("gives the same events wherever the text is cut, and all of the text", () => {
    const part = fc.constantFrom("\n", "\r", "\r\n", "\n\n", "data: x");
    const property = fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      const events = split([text]);
      expect(split(text)).toEqual(events);
      expect(split(parts)).toEqual(events);
      expect(events.join("")).toBe(text);
      for (const event of events.slice(0, -1)) expect(event).toMatch(/(?:\r?\n\r?\n|\r\r)$/);
    });
    fc.assert(property, { numRuns: 500 });
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
