import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventLength } from "../../src/cli/event-length.js";
import { readEvents } from "../support/foreign-events.js";

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("EventLength", () => {
  it("is at least that of an event's data, for every line end, and wherever the stream is cut", () => {
    const part = fc.constantFrom("\n", "\r", "\r\n", "data: xyz");
    const shape = fc.tuple(fc.array(part, { maxLength: 20 }), fc.integer({ min: 1, max: 9 }));
    const property = fc.property(shape, ([parts, size]) => {
      const text = parts.join("");
      const event = new EventLength();
      const lengths = (text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []).map((piece) =>
        event.after(bytesOf(piece)),
      );
      const longest = Math.max(0, ...lengths);
      expect(longest).toBe(new EventLength().after(bytesOf(text)));
      for (const { data } of readEvents(text)) expect(longest).toBeGreaterThanOrEqual(data.length);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("adds up the lines of an event, and begins again behind a blank line of any kind", () => {
    const event = new EventLength();
    expect(event.after(bytesOf("data: a\ndata: b"))).toBe(14);
    for (const lineEnd of ["\n", "\r", "\r\n"]) {
      expect(event.after(bytesOf(lineEnd + lineEnd + lineEnd))).toBe(14);
      expect(event.after(bytesOf("data: a"))).toBe(7);
      event.after(bytesOf("data: b"));
    }
  });
});
