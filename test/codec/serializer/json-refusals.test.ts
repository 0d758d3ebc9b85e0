import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { jsonSerializer } from "../../../src/codec/serializer/json.js";
import { messageThrownBy, thrownBy } from "../../support/refusals.js";

const serializer = jsonSerializer();
const CANARY = "canary-8f3a";
const suffix = ": the serializer cannot carry it";

class Account {
  readonly number = CANARY;
}
class Rows extends Array<string> {}

const unserializable: readonly [string, unknown, string][] = [
  ["undefined", undefined, "undefined"],
  ["NaN", Number.NaN, "a number that is not finite"],
  ["Infinity", Number.POSITIVE_INFINITY, "a number that is not finite"],
  ["-Infinity", Number.NEGATIVE_INFINITY, "a number that is not finite"],
  ["-0", -0, "-0"],
  ["a big integer", 10n, "a big integer"],
  ["a date", new Date(0), "an instance of a class"],
  ["a map", new Map([[CANARY, CANARY]]), "an instance of a class"],
  ["a set", new Set([CANARY]), "an instance of a class"],
  ["a regular expression", new RegExp(CANARY), "an instance of a class"],
  ["an error", new Error(CANARY), "an instance of a class"],
  ["bytes", Buffer.from(CANARY), "an instance of a class"],
  ["an ArrayBuffer", new ArrayBuffer(1), "an instance of a class"],
  ["a promise", Promise.resolve(CANARY), "an instance of a class"],
  ["a text object", Object(CANARY), "an instance of a class"],
  ["an instance of a class", new Account(), "an instance of a class"],
  ["an instance of a class of arrays", Rows.from([CANARY]), "an instance of a class"],
  ["an object made from another", Object.create({ secret: CANARY }), "an instance of a class"],
  ["a function", () => CANARY, "a function"],
  ["a class", Account, "a function"],
  ["a symbol", Symbol(CANARY), "a symbol"],
];

describe("values that JSON would change silently", () => {
  it.each(unserializable)("%s is refused as the payload", async (_, value, reason) => {
    const error = await thrownBy(() => serializer.serialize(value));
    expect(error).toEqual(new TypeError(`data is ${reason}${suffix}`));
    expect(String((error as Error).stack)).not.toContain(CANARY);
  });

  it.each(unserializable)(
    "%s is refused inside an array, by its place",
    async (_, value, reason) => {
      const message = await messageThrownBy(() =>
        serializer.serialize({ rows: [CANARY, [1, { cells: [null, value] }]] }),
      );
      expect(message).toBe(`data.rows[1][1].cells[1] is ${reason}${suffix}`);
    },
  );

  it.each(unserializable.slice(1))(
    "%s is refused as a member, by its place",
    async (_, value, reason) => {
      const message = await messageThrownBy(() =>
        serializer.serialize({ first: CANARY, $a: { b_1: { [CANARY]: value } } }),
      );
      expect(message).toBe(`data.$a.b_1.(member 1) is ${reason}${suffix}`);
    },
  );

  it("a hole in an array is refused as undefined", async () => {
    const holed = [1, 2, 3];
    delete holed[1];
    expect(await messageThrownBy(() => serializer.serialize({ holed }))).toBe(
      `data.holed[1] is undefined${suffix}`,
    );
    expect(await messageThrownBy(() => serializer.serialize(new Array(3)))).toBe(
      `data[0] is undefined${suffix}`,
    );
  });

  it("instances of other realms' classes are refused too", async () => {
    const foreign = runInContext("[new Date(0), new Map(), new (class A {})()]", createContext());
    for (const [index] of [...(foreign as unknown[])].entries()) {
      const value = (foreign as unknown[])[index];
      expect(await messageThrownBy(() => serializer.serialize([value]))).toBe(
        `data[0] is an instance of a class${suffix}`,
      );
    }
  });

  it("the first invalid value is named", async () => {
    const message = await messageThrownBy(() => serializer.serialize({ a: [1], b: 1n, c: -0 }));
    expect(message).toBe(`data.b is a big integer${suffix}`);
  });

  it("member names that are not identifiers are counted, never shown", async () => {
    for (const name of ["078-05-1120", "a b", "", "x".repeat(41), "ä", "a.b", "\ud800"]) {
      const message = await messageThrownBy(() =>
        serializer.serialize({ first: 1, absent: undefined, [name]: { last: 1n } }),
      );
      expect(message).toBe(`data.(member 3).last is a big integer${suffix}`);
    }
  });
});

describe("cyclic and deep structures", () => {
  it("a cycle is refused by the place where it closes", async () => {
    const list: unknown[] = [1];
    const cycle = { name: CANARY, list };
    list.push({ back: cycle });
    expect(await messageThrownBy(() => serializer.serialize({ cycle }))).toBe(
      "data.cycle.list[1].back contains itself",
    );
    const own: unknown[] = [];
    own.push(own, own);
    expect(await messageThrownBy(() => serializer.serialize(own))).toBe("data[0] contains itself");
  });

  it("257 levels are refused, whether of arrays or of objects", async () => {
    let arrays: unknown = 1;
    let objects: unknown = 1;
    for (let level = 0; level < 257; level++) {
      arrays = [arrays];
      objects = { a: objects };
    }
    expect(await messageThrownBy(() => serializer.serialize(arrays))).toBe(
      `data${"[0]".repeat(256)} is nested more than 256 levels deep`,
    );
    expect(await messageThrownBy(() => serializer.serialize(objects))).toBe(
      `data${".a".repeat(256)} is nested more than 256 levels deep`,
    );
  });

  it("an array with more places than a payload may have values is refused", async () => {
    const places = new Array(2 ** 24 + 1);
    expect(await thrownBy(() => serializer.serialize(places))).toBeInstanceOf(TypeError);
    expect(await thrownBy(() => serializer.serialize({ a: [places] }))).toBeInstanceOf(TypeError);
  });

  it("a structure that would overflow the stack is refused, too", async () => {
    let deep: unknown = 1;
    for (let level = 0; level < 200_000; level++) deep = [deep];
    expect(await thrownBy(() => serializer.serialize(deep))).toBeInstanceOf(TypeError);
  });
});

describe("a payload's own code between check and use", () => {
  it("an array with a toJSON is refused: JSON would call it", () => {
    const array = Object.assign([1, 2], { toJSON: () => "changed" });
    expect(() => serializer.serialize({ array })).toThrow(TypeError);
  });

  it("a hidden toJSON is refused or not called", () => {
    const value = Object.defineProperty({ a: 1 }, "toJSON", { value: () => "changed" });
    let text: unknown;
    try {
      text = serializer.serialize(value);
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      return;
    }
    expect(text).toBe('{"a":1}');
  });
});

describe("a payload with very many values", () => {
  it("is refused without a place if the invalid value is far in", () => {
    const data = { list: [...new Array(1_000_001).fill(1), Number.NaN] };
    expect(() => serializer.serialize(data)).toThrow(/^data has too many values, or one far in/);
  });

  it("is refused if it has more than the limit", () => {
    let data: unknown[] = new Array(1024).fill(1);
    for (let level = 0; level < 15; level++) data = [data, data];
    expect(() => serializer.serialize(data)).toThrow(/^data has too many values/);
  });
});
