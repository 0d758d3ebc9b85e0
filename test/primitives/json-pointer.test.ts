import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatPointer,
  isPointer,
  matchesPointer,
  parsePointer,
  placesOf,
  valueAt,
} from "../../src/primitives/json-pointer.js";

/** The document and the evaluations of RFC 6901, section 5. */
const DOCUMENT = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "c%d": 2,
  "e^f": 3,
  "g|h": 4,
  "i\\j": 5,
  'k"l': 6,
  " ": 7,
  "m~n": 8,
};

describe("JSON pointers", () => {
  it.each([
    ["", DOCUMENT],
    ["/foo", ["bar", "baz"]],
    ["/foo/0", "bar"],
    ["/", 0],
    ["/a~1b", 1],
    ["/c%d", 2],
    ["/e^f", 3],
    ["/g|h", 4],
    ["/i\\j", 5],
    ['/k"l', 6],
    ["/ ", 7],
    ["/m~0n", 8],
  ])("evaluate as RFC 6901 shows: %j", (text, value) => {
    expect(valueAt(DOCUMENT, parsePointer(text))).toEqual({ value });
  });

  it("keep every token through writing and reading", async () => {
    await fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (tokens) => {
        expect(parsePointer(formatPointer(tokens))).toEqual(tokens);
      }),
    );
  });

  it.each(["foo", "foo/0", "/~", "/~2", "/a~"])("refuse what is not a pointer: %j", (text) => {
    expect(isPointer(text)).toBe(false);
    expect(() => parsePointer(text)).toThrow(TypeError);
  });

  it.each(["a", "/", "~0", "~"])("are distinguished from other texts of 16 MiB: of %j", (part) => {
    expect(isPointer(`/${part.repeat(2 ** 24 / part.length)}`)).toBe(part !== "~");
  });

  it.each(["/foo/length", "/foo/00", "/foo/-", "/foo/2", "/__proto__", "/constructor", "/foo/0/0"])(
    "reach only own members and items: %j",
    (text) => {
      expect(valueAt(DOCUMENT, parsePointer(text))).toBeUndefined();
    },
  );

  it("reach an own member named __proto__", () => {
    const data: unknown = JSON.parse('{"__proto__":{"a":1}}');
    expect(valueAt(data, ["__proto__", "a"])).toEqual({ value: 1 });
  });
});

describe("patterns", () => {
  const data = { items: [{ name: "a" }, { name: "b" }, { other: "c" }], count: 3 };

  it("yield every place that they match, in document order", () => {
    expect([...placesOf(data, ["items", "*", "name"])].map(formatPointer)).toEqual([
      "/items/0/name",
      "/items/1/name",
    ]);
    expect([...placesOf(data, [])]).toEqual([[]]);
    expect([...placesOf(data, ["count", "*"])]).toEqual([]);
  });

  it("match exactly the places that they yield", () => {
    expect(matchesPointer(["items", "*"], ["items", "2"])).toBe(true);
    expect(matchesPointer(["items", "*"], ["items", "2", "other"])).toBe(false);
    expect(matchesPointer(["items", "*"], ["count", "2"])).toBe(false);
  });
});
