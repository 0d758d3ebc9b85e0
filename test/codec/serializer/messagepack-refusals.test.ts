import { describe, expect, it } from "vitest";
import { messagePackSerializer } from "../../../src/codec/serializer/messagepack.js";
import { messageThrownBy, thrownBy } from "../../support/refusals.js";

const serializer = messagePackSerializer();
await serializer.ready?.();
const CANARY = "canary-8f3a";
const suffix = ": the serializer cannot carry it";

class Account {
  readonly number = CANARY;
}
class Rows extends Array<string> {}
class Dates extends Date {}
class Bytes extends Uint8Array {}

const holed = [1, 2, 3];
delete holed[1];

const refused: readonly [string, unknown, string][] = [
  ["-0", -0, "-0"],
  ["a function", () => CANARY, "a function"],
  ["a symbol", Symbol(CANARY), "a symbol"],
  ["half of a surrogate pair", `${CANARY}\ud800`, "text that is not well-formed Unicode"],
  ["an array with a hole", holed, "an array with holes"],
  ["an array of holes", new Array(3), "an array with holes"],
  [
    "a member __proto__",
    JSON.parse(`{"__proto__":"${CANARY}"}`),
    "an object with a member __proto__",
  ],
  [
    "a member name with half of a surrogate pair",
    { [`${CANARY}\udc00`]: 1 },
    "an object with a member name that is not well-formed Unicode",
  ],
  ["an error", new Error(CANARY), "an instance of a class"],
  ["a regular expression", new RegExp(CANARY), "an instance of a class"],
  ["a promise", Promise.resolve(CANARY), "an instance of a class"],
  ["a weak map", new WeakMap(), "an instance of a class"],
  ["a SharedArrayBuffer", new SharedArrayBuffer(1), "an instance of a class"],
  ["a text object", Object(CANARY), "an instance of a class"],
  ["an instance of a class", new Account(), "an instance of a class"],
  ["an instance of a class of arrays", Rows.from([CANARY]), "an instance of a class"],
  ["an instance of a class of dates", new Dates(0), "an instance of a class"],
  ["an instance of a class of bytes", new Bytes(1), "an instance of a class"],
];

describe("values that MessagePack would change silently", () => {
  it.each(refused)(
    "%s is refused at any place, which the error names",
    async (_, value, reason) => {
      const places: [unknown, string][] = [
        [value, "data"],
        [{ rows: [CANARY, { cells: [null, value] }] }, "data.rows[1].cells[1]"],
        [
          new Map<unknown, unknown>([
            ["a", 1],
            ["b", value],
          ]),
          "data.b",
        ],
        [
          new Map<unknown, unknown>([
            [CANARY, 1],
            [CANARY.length, [value]],
          ]),
          "data.(member 2)[0]",
        ],
        // A set stores 0 in place of -0.
        ...(value === 0 ? [] : [[new Set([1, value]), "data.(member 2)"] as [unknown, string]]),
      ];
      for (const [data, place] of places) {
        const error = await thrownBy(() => serializer.serialize(data));
        expect(error).toEqual(new TypeError(`${place} is ${reason}${suffix}`));
        expect(String((error as Error).stack)).not.toContain(CANARY);
      }
    },
  );

  it("cycles are refused by the place where they close", async () => {
    const map = new Map<string, unknown>();
    map.set("list", [1, map]);
    expect(await messageThrownBy(() => serializer.serialize(map))).toBe(
      "data.list[1] contains itself",
    );
    const set = new Set<unknown>();
    set.add({ set });
    expect(await messageThrownBy(() => serializer.serialize([set]))).toBe(
      "data[0].(member 1).set contains itself",
    );
  });

  it("256 levels of maps or sets are kept and 257 are refused", async () => {
    let maps: unknown = 1;
    let sets: unknown = 1;
    for (let level = 0; level < 256; level++) {
      maps = new Map([["k", maps]]);
      sets = new Set([sets]);
    }
    for (const [value, path] of [
      [maps, ".k"],
      [sets, ".(member 1)"],
    ] as const) {
      const bytes = Buffer.from(serializer.serialize(value) as Uint8Array);
      expect(serializer.deserialize(bytes)).toStrictEqual(value);
      expect(await messageThrownBy(() => serializer.serialize([value]))).toBe(
        `data[0]${path.repeat(255)} is nested more than 256 levels deep`,
      );
    }
  });

  it("257 levels are refused", async () => {
    let value: unknown = 1;
    for (let level = 0; level < 257; level++) value = [value];
    expect(await messageThrownBy(() => serializer.serialize(value))).toBe(
      `data${"[0]".repeat(256)} is nested more than 256 levels deep`,
    );
  });

  it("an array with a hole and a named member is refused like any with a hole", () => {
    const array: unknown[] & { name?: string } = new Array(2);
    array[1] = 1;
    array.name = "x";
    expect(() => serializer.serialize(array)).toThrow(TypeError);
  });

  it("an invalid key of a map is given as the reason", async () => {
    const map = new Map<unknown, unknown>([[Symbol("s"), 1]]);
    expect(await messageThrownBy(() => serializer.serialize(map))).toContain("is a symbol");
  });
});

describe("damaged MessagePack", () => {
  it("bytes that are not one whole value are refused", () => {
    const bytes = Buffer.from(serializer.serialize({ a: [1, "two", new Date(3)] }) as Uint8Array);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => serializer.deserialize(bytes.subarray(0, length))).toThrow();
    }
    expect(() => serializer.deserialize(Buffer.concat([bytes, Buffer.of(1)]))).toThrow();
  });
});
