import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMethodResponse, writeMethodResponse } from "../../../src/transport/xml-rpc/call.js";
import { MAX_NUMERIC_REFERENCES } from "../../../src/transport/xml-rpc/characters.js";
import { MAX_DEPTH, MAX_VALUES } from "../../../src/transport/xml-rpc/values.js";

const roundTrip = (value: unknown) => readMethodResponse(writeMethodResponse(value)).value;
const xmlText = fc
  .string({ unit: "binary", maxLength: 40 })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no such characters.
  .map((text) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\r"));
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    xmlText,
    finite,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.oneof(xmlText, fc.constant("__proto__")), tie("value"), {
      maxKeys: 5,
      noNullPrototype: true,
    }),
  ),
}));

describe("whatever is written reads back as it was", () => {
  it("any value", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(roundTrip(value)).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it("bytes, whatever space is in their base64", () => {
    const document = writeMethodResponse(Uint8Array.of(1, 2, 3, 4));
    for (const space of [" ", "\n", "\r\n", "\t \n"]) {
      const spaced = document.replace("AQIDBA==", Array.from("AQIDBA==").join(space) + space);
      expect(readMethodResponse(spaced).value).toEqual(Uint8Array.of(1, 2, 3, 4));
    }
  });

  it("every finite number, to the bit, and without exponents", () => {
    const special = [5e-324, 1e21, 1e22, 1.7976931348623157e308, -1.5e-7, 0.1, -0, 2 ** 53];
    const check = (number: number) => {
      const xml = writeMethodResponse(number);
      expect(Object.is(readMethodResponse(xml).value, number)).toBe(true);
      expect(xml).toMatch(/<(?:int>-?\d+|i8>-?\d+|double>-?\d+\.\d+|double>-?\d{16,})</);
    };
    special.forEach(check);
    fc.assert(fc.property(finite, check), { numRuns: 2000 });
  });

  it("integers as the narrowest type that has them", () => {
    expect(writeMethodResponse(2 ** 31 - 1)).toContain("<int>2147483647</int>");
    expect(writeMethodResponse(-(2 ** 31))).toContain("<int>-2147483648</int>");
    expect(writeMethodResponse(2 ** 31)).toContain("<i8>2147483648</i8>");
    expect(writeMethodResponse(Number.MAX_SAFE_INTEGER)).toContain("<i8>9007199254740991</i8>");
  });

  it("carriage returns, line feeds, tabs, spaces at the ends and all markup", () => {
    const text = ' \r\n\t\r a ]]> <b> &amp; "\u0085\u2028 ';
    expect(roundTrip(text)).toBe(text);
    expect(roundTrip({ [text]: text })).toEqual({ [text]: text });
  });

  it("a member named __proto__, and one whose value is undefined is absent", () => {
    const data = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as object;
    expect(Object.keys(roundTrip({ a: undefined, b: 1 }) as object)).toEqual(["b"]);
    const read = roundTrip(data);
    expect(Object.entries(read as object)).toEqual(Object.entries(data));
    expect((read as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("bytes as bytes of their own", () => {
    const read = roundTrip(new Uint8Array([0, 255, 128]));
    expect(read).toStrictEqual(new Uint8Array([0, 255, 128]));
    expect((read as Uint8Array).buffer.byteLength).toBe(3);
  });
});

class Point {
  x = 1;
}

describe("the writer refuses values without an XML-RPC type", () => {
  it.each([
    ["undefined", undefined],
    ["a hole", new Array<unknown>(1)],
    ["a big integer", 1n],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a date", new Date(0)],
    ["a map", new Map()],
    ["an instance of a class", new Point()],
  ])("%s, with a TypeError", (_, value) => {
    expect(() => writeMethodResponse({ deep: [value] })).toThrow(TypeError);
  });

  it.each([
    ["NaN", Number.NaN],
    ["infinity", Number.NEGATIVE_INFINITY],
    ["a control character", "a\u0000b"],
    ["a lone surrogate", "a\ud800"],
    ["a noncharacter", "\uffff"],
    ["too many carriage returns", "\r".repeat(MAX_NUMERIC_REFERENCES + 1)],
    ["too many values", new Array(MAX_VALUES).fill(1)],
    ["a cycle", cycle()],
    ["too many levels", levels(MAX_DEPTH + 1)],
  ])("%s, with a RangeError", (_, value) => {
    expect(() => writeMethodResponse(value)).toThrow(RangeError);
  });

  it("control characters in a member's name too, and names no value in its message", () => {
    const write = () => writeMethodResponse({ "secret\u0001": 1 });
    expect(write).toThrow(RangeError);
    expect(write).not.toThrow(/secret/);
  });

  it("nothing of the deepest value allowed", () => {
    expect(roundTrip(levels(MAX_DEPTH))).toEqual(levels(MAX_DEPTH));
  });
});

function levels(count: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < count; level++) value = [value];
  return value;
}

function cycle(): unknown {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  return cyclic;
}
