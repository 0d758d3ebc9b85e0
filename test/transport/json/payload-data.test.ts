import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  giveJsonData,
  readJsonParams,
  readJsonResponse,
  takeJsonData,
  writeJson,
} from "../../../src/transport/json/payload-data.js";

function nestedText(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

describe("readJsonParams", () => {
  it("reads whatever JSON.parse reads and does not change", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        fc.pre(!/\d{16}/.test(text));
        expect(readJsonParams(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  const SIZE = 2 ** 14;
  it.each([
    ["one number", "1"],
    ["one fraction", "0.1", "1"],
    ["one exponent", "1e1", "1"],
    ["openings", "["],
    ["openings of objects", '{"a":'],
    ["a text that does not end", '"', "a"],
    ["backslashes", '"', "\\\\"],
    ["quotes", '"'],
    ["numbers just within bounds", "[", "9007199254740991,"],
    ["exponents just within bounds", "[", "1e308,"],
    ["members of one name", "{", '"a":1,'],
    ["white space", " "],
  ])("looks at %s as often as it is long", (_, start, part = start) => {
    const lookedAt = (characters: number): number => {
      const text = start + part.repeat(characters / part.length);
      // Most of them are refused, sooner or later.
      return charactersLookedAt(() => readJsonParams(text));
    };
    expect(lookedAt(SIZE)).toBeLessThan(20 * SIZE);
    expect(lookedAt(4 * SIZE)).toBeLessThan(5 * lookedAt(SIZE));
  });

  it.each([
    ["1.0", 1],
    ["-0", -0],
    ["1E3", 1000],
    ["1e-3", 0.001],
    ["9007199254740992", 2 ** 53],
    ["-9007199254740992", -(2 ** 53)],
    ["9007199254740991", 2 ** 53 - 1],
    ["9007199254740993.5", 9007199254740994],
    ["1e300", 1e300],
    ["1.7976931348623157e308", Number.MAX_VALUE],
    ["[0.1,-1,0]", [0.1, -1, 0]],
    [" 7 ", 7],
  ])("reads %s", (text, value) => {
    expect(readJsonParams(text)).toEqual(value);
  });

  it.each([
    "9007199254740993",
    "-9007199254740993",
    "10000000000000000",
    '{"a":[1,{"b":18446744073709551616}]}',
    `-${"9".repeat(5000)}`,
    "1e400",
    "-1e400",
    `1${"0".repeat(400)}.0`,
    "1.5E+309",
    '["quoted \\" 1",1e999]',
    '{"\\\\":1e400}',
  ])("refuses a number that would be changed: %s", (text) => {
    expect(() => readJsonParams(text)).toThrow(RangeError);
  });

  it.each([
    '"9007199254740993"',
    '"1e400"',
    '"\\"9007199254740993"',
    '"\\\\\\"1e400 [[["',
    '{"1e400":"a\\\\","b":"1e400"}',
    JSON.stringify("[{".repeat(100)),
    '"\\u00221e400"',
    JSON.stringify("\\".repeat(7)),
  ])("leaves alone what is within a string: %s", (text) => {
    expect(readJsonParams(text)).toEqual(JSON.parse(text));
  });

  it("reads 64 levels and refuses the 65th, of lists, of objects and of both", () => {
    expect(readJsonParams(nestedText(64))).toEqual(JSON.parse(nestedText(64)));
    expect(() => readJsonParams(nestedText(65))).toThrow(RangeError);
    expect(() => readJsonParams('{"a":'.repeat(65))).toThrow(RangeError);
    expect(() => readJsonParams('[{"a":'.repeat(33))).toThrow(RangeError);
    const wide = `[${Array.from({ length: 1000 }, () => "[[]]").join()}]`;
    expect(readJsonParams(wide)).toHaveLength(1000);
  });

  it.each(["", "{", '"', '"\\', '"\\"', "[1,]", "-", "1.2.3", "01", "nul", "{'a':1}", "1 2", "]"])(
    "calls %j no JSON, and quotes nothing of it",
    (text) => {
      expect(() => readJsonParams(text)).toThrow(new SyntaxError("The text is not JSON."));
    },
  );

  it.each([
    ["a deep text", "[".repeat(40_000)],
    ["a text that never ends", `"${"\\".repeat(40_000)}`],
    ["a text of escaped quotes", `"${'\\"'.repeat(20_000)}`],
    ["a text of quotes", '"'.repeat(40_001)],
    ["a number of many digits", `${"9".repeat(40_000)}`],
    ["a fraction of many digits", `0.${"9".repeat(40_000)}x`],
    ["signs", "-".repeat(40_000)],
  ])("refuses %s after a few looks at it", (_, text) => {
    expect(() => readJsonParams(text)).toThrow();
    expect(charactersLookedAt(() => readJsonParams(text))).toBeLessThan(20 * text.length);
  });

  it("keeps a member called __proto__ a member", () => {
    const read = readJsonParams('{"data":{"__proto__":{"admin":true}}}') as { data: object };
    expect(Object.keys(read.data)).toEqual(["__proto__"]);
    expect((read.data as { admin?: unknown }).admin).toBeUndefined();
  });
});

describe("writeJson and readJsonAnswer", () => {
  it("carry every number that can be sealed, and strings that look like numbers", () => {
    const data = {
      numbers: [2 ** 53, 2 ** 60, -(2 ** 63), 1e20, 123456789012345680000, 1e21, 5e-324, 0.1],
      text: '"9223372036854775808" \\ 1e400',
      "9223372036854775808": 1,
    };
    for (const read of [readJsonParams, readJsonResponse]) {
      expect(read(writeJson(data))).toEqual(data);
    }
    expect(writeJson([2 ** 60])).toBe("[1152921504606847000.0]");
    expect(writeJson([2 ** 53, 1.5])).toBe("[9007199254740992,1.5]");
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        expect(readJsonParams(writeJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        fc.pre(!Object.is(value, -0));
        expect(readJsonParams(writeJson(value))).toBe(value);
      }),
      { numRuns: 2000 },
    );
  });

  it("read values sealed in the service's process, and no value that parsing would change", () => {
    for (const text of ["1152921504606846976", "1152921504606847000", "-18446744073709552000"]) {
      expect(readJsonResponse(text)).toBe(Number(text));
    }
    expect(() => readJsonResponse("9".repeat(311))).toThrow(RangeError);
    expect(() => readJsonResponse("9".repeat(309))).toThrow(RangeError);
    expect(readJsonResponse(nestedText(272))).toEqual(JSON.parse(nestedText(272)));
    for (const text of ["9007199254740993", "1e400", nestedText(273)]) {
      expect(() => readJsonResponse(text)).toThrow(RangeError);
    }
    for (const read of [readJsonParams, readJsonResponse]) {
      for (const text of ["{", "12345678901234567-8", "--12345678901234567"]) {
        expect(() => read(text)).toThrow(new SyntaxError("The text is not JSON."));
      }
    }
  });
});

describe("data_encoding", () => {
  const bytes = Uint8Array.of(0, 255, 128, 7);
  const encoded = { data: "AP+ABw==", data_encoding: "base64" };

  it("says that data is base64, beside it, in every operation that carries data", () => {
    const messages = [
      ["seal", { data: bytes, safe_view: "x" }, { ...encoded, safe_view: "x" }],
      ["unseal", { data: bytes }, encoded],
      [
        "seal_many",
        { requests: [{ data: bytes }, { data: "a" }] },
        { requests: [encoded, { data: "a" }] },
      ],
      [
        "unseal_many",
        {
          outcomes: [
            { ok: true, value: { data: bytes } },
            { ok: false, error: {} },
          ],
        },
        {
          outcomes: [
            { ok: true, value: encoded },
            { ok: false, error: {} },
          ],
        },
      ],
    ] as const;
    for (const [operation, native, json] of messages) {
      expect(giveJsonData(operation, native)).toEqual(json);
      expect(takeJsonData(operation, json)).toStrictEqual(native);
    }
  });

  it("is nothing when it stands within the payload, or in another operation", () => {
    const forged = { data: encoded };
    expect(takeJsonData("seal", forged)).toEqual(forged);
    expect(giveJsonData("unseal", forged)).toEqual(forged);
    expect(takeJsonData("describe", encoded)).toEqual(encoded);
    expect(takeJsonData("seal", { data: "AP+ABw==" })).toEqual({ data: "AP+ABw==" });
    expect(takeJsonData("seal", { data: "x", data_encoding: "json" })).toEqual({ data: "x" });
  });

  it("does not change its argument", () => {
    const params = Object.freeze({ data: bytes });
    const request = Object.freeze({ ...encoded });
    giveJsonData("seal", params);
    takeJsonData("seal", request);
    expect(params.data).toBe(bytes);
    expect(request).toEqual(encoded);
  });

  it("gives bytes in memory of their own", () => {
    const { data } = takeJsonData("seal", encoded) as { data: Uint8Array };
    expect(data.buffer.byteLength).toBe(4);
    expect(Buffer.isBuffer(data)).toBe(false);
  });

  it.each([
    { ...encoded, data_encoding: "hex" },
    { ...encoded, data_encoding: null },
    { ...encoded, data_encoding: ["base64"] },
    { data: 5, data_encoding: "base64" },
    { data: null, data_encoding: "base64" },
    { data_encoding: "base64" },
    { data: "AP+ABw", data_encoding: "base64" },
    { data: "AP+ABx==", data_encoding: "base64" },
    { data: "AP-ABw==", data_encoding: "base64" },
    { data: " AP+ABw==", data_encoding: "base64" },
    { data: "secret!", data_encoding: "base64" },
  ])("refuses %o with a text that holds no value", (params) => {
    expect(() => takeJsonData("seal", params)).toThrow(
      /^data_encoding must be json or base64$|^data must be a string of base64$/,
    );
    expect(() => takeJsonData("seal", params)).toThrow(TypeError);
  });

  it.each([undefined, null, 5, "text", [], [encoded]])("leaves %o to the schema", (params) => {
    expect(takeJsonData("seal", params)).toEqual(params);
    expect(takeJsonData("seal_many", params)).toEqual(params);
    expect(takeJsonData("seal_many", { requests: params })).toBeDefined();
  });
});

/** Returns how many characters of texts are read, including reads by the engine's own methods. */
function charactersLookedAt(work: () => unknown): number {
  let count = 0;
  const { charCodeAt, indexOf, slice } = String.prototype;
  const spies = [
    vi.spyOn(String.prototype, "charCodeAt").mockImplementation(function (this: string, at) {
      count += 1;
      return charCodeAt.call(this, at);
    }),
    vi.spyOn(String.prototype, "indexOf").mockImplementation(function (this: string, what, from) {
      const found = indexOf.call(this, what, from);
      count += (found === -1 ? this.length : found) - (from ?? 0);
      return found;
    }),
    vi.spyOn(String.prototype, "slice").mockImplementation(function (this: string, from, to) {
      const cut = slice.call(this, from, to);
      count += cut.length;
      return cut;
    }),
  ];
  try {
    work();
  } catch {
    // Refused texts were read too.
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return count;
}
