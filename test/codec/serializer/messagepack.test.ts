import { describe, expect, it } from "vitest";
import { messagePackSerializer } from "../../../src/codec/serializer/messagepack.js";
import { runInOwnProcess, sourceUrl } from "../../support/own-process.js";
import { isSameData } from "../../support/same-value.js";

const serializer = messagePackSerializer();
await serializer.ready?.();
const serialized = (value: unknown) => Buffer.from(serializer.serialize(value) as Uint8Array);
const roundTrip = (value: unknown) => serializer.deserialize(serialized(value));

/** A view that begins in the middle of its memory. */
const shifted = Uint8Array.from({ length: 40 }, (_, index) => index).buffer;

const kept: readonly [string, unknown][] = [
  ["undefined", undefined],
  ["null", null],
  ["NaN", Number.NaN],
  ["infinities", [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  [
    "numbers at every boundary",
    [7, 8, 15, 16, 31, 32, 33, 53, 63, 64].flatMap((bits) => {
      const power = 2 ** bits;
      return [power - 1, power, power + 1, -power + 1, -power, -power - 1];
    }),
  ],
  ["numbers that are not whole", [0.5, 0.1, 5e-324, Number.MAX_VALUE, Math.fround(0.1)]],
  [
    "big integers at every boundary",
    [0n, 7n, 31n, 32n, 53n, 62n, 63n, 64n, 65n, 127n, 128n, 1024n, 2048n, 4096n].flatMap((bits) => {
      const power = 2n ** bits;
      return [power - 1n, power, power + 1n, -power + 1n, -power, -power - 1n];
    }),
  ],
  ["big integers beside equal numbers", { number: 5, big: 5n, zero: 0n }],
  [
    "dates at every boundary",
    [0, 1, -1, 999, 1000, -1000, -1500, 2 ** 32 * 1000 - 1, 2 ** 32 * 1000, 2 ** 34 * 1000 + 1]
      .concat([8.64e15, -8.64e15, 1_700_000_000_123])
      .map((ms) => new Date(ms)),
  ],
  ["a date that is none", [new Date(Number.NaN)]],
  [
    "a map with keys of all kinds",
    new Map<unknown, unknown>([
      ["text", 1],
      [1, "number"],
      ["1", "text"],
      [1n, "big"],
      [Number.NaN, "NaN"],
      [null, undefined],
      [undefined, null],
      [{ a: 1 }, new Map([[new Date(5), new Set([1])]])],
      [[1, 2], "array"],
      ["__proto__", "harmless in a map"],
    ]),
  ],
  ["an empty map and an empty set", [new Map(), new Set()]],
  ["a set in order", new Set([3, 1, "1", new Set([1]), undefined, Number.NaN])],
  ["undefined members and items", { a: undefined, b: [undefined, { c: undefined }] }],
  ["text with every kind of character", "\0\n\u2028\ud7ff\ufffe\u{1f511}é"],
  ["text of every length class", [0, 31, 32, 255, 256, 65_535, 65_536].map((n) => "é".repeat(n))],
  [
    "member names of all kinds",
    { "": 1, "a b": 2, "'\"`\\": 3, "${x}": 4, "\u2028": 5, 1: 6, "-1": 7 },
  ],
  [
    "names of built-ins",
    { constructor: 1, toString: 2, valueOf: null, hasOwnProperty: "x", length: 5 },
  ],
  ["a member that looks like a constructor", { constructor: { name: "Map" }, size: 0 }],
  [
    "a table of equal shapes",
    Array.from({ length: 300 }, (_, id) => ({ id, name: `n${id}`, at: id / 3 })),
  ],
  [
    "hundreds of shapes in one another",
    Array.from({ length: 400 }, (_, n) => ({
      [`k${n}`]: [{ [`m${n % 50}`]: n }],
      s: { [`q${n}`]: {} },
    })),
  ],
  [
    "an object with a thousand members",
    Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`k${n}`, n])),
  ],
];

const binary: readonly [string, () => ArrayBuffer | ArrayBufferView][] = [
  ["Uint8Array", () => Uint8Array.of(1, 2, 3)],
  ["Buffer", () => Buffer.from("abc")],
  ["Uint8ClampedArray", () => Uint8ClampedArray.of(0, 255)],
  ["Int8Array", () => Int8Array.of(-128, 127)],
  ["Int16Array", () => Int16Array.of(-32_768, 32_767)],
  ["Uint16Array", () => Uint16Array.of(0, 65_535)],
  ["Int32Array", () => Int32Array.of(-(2 ** 31), 2 ** 31 - 1)],
  ["Uint32Array", () => Uint32Array.of(0, 2 ** 32 - 1)],
  ["Float32Array", () => Float32Array.of(0.5, -0, Number.NaN, Number.NEGATIVE_INFINITY)],
  ["Float64Array", () => Float64Array.of(0.1, -0, Number.NaN, 5e-324)],
  ["BigInt64Array", () => BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
  ["BigUint64Array", () => BigUint64Array.of(0n, 2n ** 64n - 1n)],
  ["ArrayBuffer", () => Uint8Array.of(9, 8, 7).buffer],
  ["DataView", () => new DataView(Uint8Array.of(9, 8, 7).buffer)],
  ["an empty Float64Array", () => new Float64Array(0)],
  ["an empty ArrayBuffer", () => new ArrayBuffer(0)],
  ["an empty Buffer", () => Buffer.alloc(0)],
  ["a Uint8Array within other memory", () => new Uint8Array(shifted, 3, 5)],
  ["a Float64Array within other memory", () => new Float64Array(shifted, 8, 2)],
  ["a DataView within other memory", () => new DataView(shifted, 5, 7)],
  ["a Buffer of 100 KB", () => Buffer.alloc(100_000, "0123456789")],
];

function bytesOf(value: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
}

describe("the MessagePack serializer", () => {
  it.each(kept)("keeps %s", (_, value) => {
    for (const held of [value, [value], { value }, new Map([[1, value]])]) {
      const back = roundTrip(held);
      expect(isSameData(back, held)).toBe(true);
    }
  });

  it.each(binary)("keeps a %s and its class", (_, make) => {
    for (const back of [
      roundTrip(make()),
      (roundTrip({ in: [make()] }) as { in: unknown[] }).in[0],
    ]) {
      expect(Object.getPrototypeOf(back)).toBe(Object.getPrototypeOf(make()));
      expect(bytesOf(back as ArrayBufferView).equals(bytesOf(make()))).toBe(true);
      expect(isSameData(back, make())).toBe(true);
    }
  });

  it.each(binary)("a %s that was read shares no memory with the input", (_, make) => {
    const input = serialized([make(), { in: make() }]);
    const [first, second] = serializer.deserialize(input) as [ArrayBuffer, { in: ArrayBuffer }];
    input.fill(0xee);
    expect(bytesOf(first).equals(bytesOf(make()))).toBe(true);
    expect(bytesOf(second.in).equals(bytesOf(make()))).toBe(true);
    bytesOf(first).fill(0xdd);
    expect(bytesOf(second.in).equals(bytesOf(make()))).toBe(true);
  });

  it("text and keys that were read do not change when the input is wiped", () => {
    const value = { name: "Ada Lovelace ".repeat(40), ключ: "é".repeat(300) };
    const input = serialized(value);
    const back = serializer.deserialize(input);
    input.fill(0xee);
    expect(back).toStrictEqual(value);
  });

  it("an earlier result does not change when more is serialized", () => {
    const results = Array.from({ length: 300 }, (_, n) =>
      serializer.serialize({ n, pad: "x".repeat(n * 9) }),
    );
    const back = results.map((bytes) => serializer.deserialize(Buffer.from(bytes as Uint8Array)));
    expect(back).toStrictEqual(results.map((_, n) => ({ n, pad: "x".repeat(n * 9) })));
  });

  it("256 levels are kept", () => {
    let value: unknown = "bottom";
    for (let level = 0; level < 256; level++) value = [value];
    expect(roundTrip(value)).toStrictEqual(value);
  });

  it("names of built-ins do not reach any prototype", () => {
    const back = roundTrip({ constructor: { prototype: { isAdmin: true } } }) as object;
    expect("isAdmin" in {}).toBe(false);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  });

  it("two serializers read each other's bytes, and each its own again", async () => {
    const other = messagePackSerializer();
    await other.ready?.();
    const rows = Array.from({ length: 20 }, (_, n) => ({ id: n, name: `n${n}` }));
    const bytes = Buffer.from(other.serialize(rows) as Uint8Array);
    expect(serializer.deserialize(bytes)).toStrictEqual(rows);
    expect(other.deserialize(serialized(rows))).toStrictEqual(rows);
    expect(other.deserialize(bytes)).toStrictEqual(rows);
  });

  it("cannot be used before it is ready", () => {
    const early = messagePackSerializer();
    const message = "messagePackSerializer: await ready() first";
    expect(() => early.serialize([1])).toThrow(new TypeError(message));
    expect(() => early.deserialize(Buffer.of(0x91, 1))).toThrow(new TypeError(message));
  });

  it("has the id that stored records contain", () => {
    expect(serializer.id).toBe(4);
  });

  it("a member named toJSON is data like any other", () => {
    const bare: Record<string, unknown> = Object.assign(Object.create(null), { toJSON: 1 });
    expect(roundTrip(bare)).toStrictEqual({ toJSON: 1 });
    expect(roundTrip({ constructor: 1, toJSON: 2 })).toStrictEqual({ constructor: 1, toJSON: 2 });
  });

  it("a structure that shares its parts without limit is refused in bounded time", () => {
    const source = `
      import { messagePackSerializer } from ${JSON.stringify(sourceUrl("codec/serializer/messagepack.ts"))};
      const serializer = messagePackSerializer();
      await serializer.ready();
      let value = ["x"];
      for (let level = 0; level < 200; level++) value = [value, value];
      try { serializer.serialize(value); } catch (error) { console.log(error.name); }`;
    expect(runInOwnProcess(source, { timeoutMs: 20_000 })).toBe("TypeError");
  });
});
