import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { jsonSerializer } from "../../../src/codec/serializer/json.js";
import { runInOwnProcess, sourceUrl } from "../../support/own-process.js";

const serializer = jsonSerializer();
const serialized = (value: unknown) => Buffer.from(serializer.serialize(value) as string);
const roundTrip = (value: unknown) => serializer.deserialize(serialized(value));

function nested(levels: number): unknown {
  let value: unknown = "bottom";
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
}

describe("the JSON serializer", () => {
  it.each([
    ["null", null],
    ["true", true],
    ["zero", 0],
    ["the largest number", Number.MAX_VALUE],
    ["the smallest number", 5e-324],
    ["a number beyond 2^53", 2 ** 60 + 2 ** 20],
    ["a long decimal", 0.1 + 0.2],
    ["an empty text", ""],
    ["text with every kind of character", '\0\n"\\/\u2028\ud7ff\ufffe\u{1f511}'],
    ["half of a surrogate pair", "\ud800"],
    ["the other half", "a\udfffb"],
    ["an empty array", []],
    ["an empty object", {}],
    ["an array in an array", [[], [[]], [null]]],
    ["member names of all kinds", { "": 1, "a b": 2, "\ud800": 3, "\0": 4, 7: 5, length: 6 }],
    ["names of built-ins", { constructor: 1, toString: 2, hasOwnProperty: 3, toJSON: 4 }],
  ])("keeps %s", (_, value) => {
    expect(roundTrip(value)).toStrictEqual(value);
  });

  it("keeps the order of members", () => {
    expect(Object.keys(roundTrip({ b: 1, a: 2, c: 3 }) as object)).toEqual(["b", "a", "c"]);
  });

  it("a member whose value is undefined counts as absent", () => {
    expect(roundTrip({ a: undefined, b: { c: undefined } })).toStrictEqual({ b: {} });
  });

  it("symbol keys and named members of arrays are not data", () => {
    const array: unknown[] & { name?: string } = [1];
    array.name = "ignored";
    expect(roundTrip({ [Symbol("s")]: 1, array })).toStrictEqual({ array: [1] });
  });

  it("keeps a member named __proto__ as a member", () => {
    const parsed: unknown = JSON.parse('{"__proto__":{"isAdmin":true},"a":{"__proto__":1}}');
    const back = roundTrip(parsed) as Record<string, unknown>;
    expect(Object.keys(back)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect("isAdmin" in back).toBe(false);
    expect(JSON.stringify(back)).toBe(JSON.stringify(parsed));
  });

  it("objects without a prototype come back as plain objects", () => {
    const bare: Record<string, unknown> = Object.assign(Object.create(null), { a: [1] });
    expect(roundTrip(bare)).toStrictEqual({ a: [1] });
  });

  it("objects and arrays of other realms are accepted like those of this realm", () => {
    const value: unknown = runInContext(
      '({ list: [1, [2], { three: "3" }], bare: Object.assign(Object.create(null), { a: 1 }) })',
      createContext(),
    );
    expect(value).not.toBeInstanceOf(Object);
    expect(roundTrip(value)).toStrictEqual({ list: [1, [2], { three: "3" }], bare: { a: 1 } });
  });

  it("256 levels are kept", () => {
    expect(roundTrip(nested(256))).toStrictEqual(nested(256));
  });

  it("one value in many places is restored in each of them", () => {
    const shared = { a: [1] };
    const back = roundTrip([shared, shared, { shared }]) as unknown[];
    expect(back).toStrictEqual([shared, shared, { shared }]);
    expect(back[0]).not.toBe(back[1]);
  });

  it("a value expanded by sharing a million times over is kept", () => {
    let value: unknown = "x";
    for (let level = 0; level < 20; level++) value = [value, value];
    expect(serialized(value)).toHaveLength(2 ** 20 * 3 + (2 ** 20 - 1) * 3);
  });

  it("reads only JSON", () => {
    for (const text of ["", "{", "undefined", "[1,]", "{a:1}", "1 2", "'a'"]) {
      expect(() => serializer.deserialize(Buffer.from(text))).toThrow(SyntaxError);
    }
  });

  it("has an id that records keep, and nothing to load", () => {
    expect([serializer.id, serializer.ready]).toEqual([3, undefined]);
  });
});

describe("a structure that shares its parts without limit", () => {
  const refusalOf = (levels: number, timeoutMs: number) =>
    runInOwnProcess(
      `import { jsonSerializer } from ${JSON.stringify(sourceUrl("codec/serializer/json.ts"))};
       let value = ["x"];
       for (let level = 0; level < ${levels}; level++) value = [value, value];
       try { jsonSerializer().serialize(value); } catch (error) { console.log(String(error)); }`,
      { timeoutMs },
    );

  it("is refused in bounded time", () => {
    expect(refusalOf(200, 20_000)).toBe(
      "TypeError: data has too many values, or one far in that cannot be carried",
    );
  });
});
