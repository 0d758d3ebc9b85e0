import { afterEach, describe, expect, it, vi } from "vitest";
import { fieldNamesOf } from "../../src/leak-guard/field-names.js";
import { LeakGuard, type LeakQuery } from "../../src/leak-guard/leak-guard.js";
import { parsePointer } from "../../src/primitives/json-pointer.js";
import { aggregateSummarizer, schemaSummarizer } from "../../src/safe-view.js";
import { leakIn } from "./leak-in.js";

const MEBIBYTE = 2 ** 20;
const VIEW = "patient record with 14 fields, sealed 2026-03-01";

afterEach(() => void vi.restoreAllMocks());

/** The string methods that read a text, and those that search a part of one. */
const READERS = [
  [String.prototype, "charCodeAt"],
  [String.prototype, "includes"],
  [String.prototype, "slice"],
  [Set.prototype, "has"],
] as const;

/** Counts all characters that the guard reads, and all its lookups. */
function workOf(data: unknown, text: string, allow: LeakQuery["allow"] = []): number {
  return countedWork(() => new LeakGuard().find({ data, text, allow, isAscii: true }));
}

/** Counts one more for every member name that is listed. */
function countedWork(work: () => unknown): number {
  let calls = 0;
  const keysOf = Object.keys;
  vi.spyOn(Object, "keys").mockImplementation((object) => {
    const names = keysOf(object);
    calls += names.length;
    return names;
  });
  const restore = READERS.map(([owner, name]) => {
    const real = Reflect.get(owner, name);
    const counting = function (this: unknown, ...args: unknown[]) {
      calls += 1;
      return Reflect.apply(real, this, args);
    };
    Reflect.set(owner, name, counting);
    return () => Reflect.set(owner, name, real);
  });
  try {
    work();
  } finally {
    for (const undo of restore) undo();
    vi.restoreAllMocks();
  }
  return calls;
}

/** Returns rows that share words with the safe view, but no eight characters and no value. */
function rows(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `S-${90_000_000 + 7 * n}`,
    kind: "recorder pat",
    value: n / 8,
    at: `2027-${n}-01T06:05`,
  }));
}

/** Returns an object with many members that all have the same value. */
function alike(count: number, value: string): object {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, value]));
}

/** A text that shares seven characters with the safe view at every position. */
const NEARLY = " record.patient.";

describe("the leak guard's work", () => {
  it.each([
    ["a text", (size: number) => "an unrelated sentence of a letter. ".repeat(size / 35), 0.8],
    ["a text that nearly leaks everywhere", (size: number) => NEARLY.repeat(size / 16), 4],
    ["a table", (size: number) => rows(Math.floor(size / 70)), 1],
    ["bytes", (size: number) => new Uint8Array(size).fill(0x61), 0.4],
    ["bytes that nearly leak everywhere", (size: number) => Buffer.alloc(size, NEARLY), 4],
  ])("grows with the size of %s and no faster", (_, make, stepsPerCharacter) => {
    const [small, large] = [workOf(make(MEBIBYTE / 8), VIEW), workOf(make(MEBIBYTE), VIEW)];
    expect(large / small).toBeLessThan(8.5);
    expect(large).toBeLessThan(stepsPerCharacter * MEBIBYTE);
  });

  const excused = (count: number) => ({ status: "x", o: alike(count, "status") });
  const speaking = (count: number) => ({ status: 1, o: alike(count, "of no status whatsoever") });
  const cities = (count: number) => ({ o: alike(count, "Springfield") });
  const bytes = (count: number) => ({ o: new Array(count).fill(Buffer.from("Kq7x")) });
  it.each([
    ["equal a field's name", excused, "status and o", []],
    ["speak of a field", speaking, "new status: o", []],
    ["are allowed", cities, "to Springfield", ["/o/*"]],
    ["are bytes and allowed", bytes, "Kq7x", ["/o/*"]],
  ] as const)("grows linearly with the number of values that %s", (_, make, text, places) => {
    const allow = places.map(parsePointer);
    const [small, large] = [1000, 8000].map((count) => workOf(make(count), text, allow));
    expect(Number(large) / Number(small)).toBeLessThan(8.5);
    expect(large).toBeLessThan(100 * 8000);
  });

  it("reads each part of a payload once for its field names, however often it is shared", () => {
    const shared = alike(1000, "x");
    const data = [{ status: 1 }, ...new Array(1000).fill(shared)];
    expect(countedWork(() => fieldNamesOf(data))).toBeLessThan(2000);
    expect(fieldNamesOf(data)).toEqual(new Set(["status"]));
  });

  it("reads a payload a few times for a summary, however many of its phrasings leak", () => {
    const schema = schemaSummarizer();
    const context = { ownerPrincipal: "owner", grantedPrincipals: [] };
    const leaks = ["object", "(text)", "64 field", "nr_1 (te", "fields", "(number)"];
    const members = Array.from({ length: 64 }, (_, n) => [
      `column_nr_${n}`,
      n < 16 ? `${"zq".repeat(4096)} ${leaks[n % leaks.length]}` : n,
    ]);
    const data = Object.fromEntries(members);
    expect(countedWork(() => schema.summarize(data, context))).toBeLessThan(50 * 16 * 4096);
    expect(countedWork(() => schema.summarize(excused(8000), context))).toBeLessThan(100 * 8000);
  });

  it("does not grow with a safe view of 4 KiB times the payload", () => {
    const view = NEARLY.repeat(256);
    const data = `${"record.patent ".repeat(MEBIBYTE / 64)}`;
    expect(workOf(data, view)).toBeLessThan(6 * data.length + 20 * view.length * 10);
  });

  it("is the same for the second payload, except for the safe view", () => {
    const guard = new LeakGuard();
    guard.find({ data: rows(1), text: VIEW, isAscii: true });
    const decoding = vi.spyOn(Buffer, "from");
    guard.find({ data: rows(1), text: VIEW, isAscii: true });
    expect(decoding).not.toHaveBeenCalled();
  });

  it("finds a leak at the end of a mebibyte, at every offset from the stride", () => {
    for (let shift = 0; shift < 14; shift++) {
      const text = `${"z".repeat(MEBIBYTE + shift)}20260301`;
      expect(leakIn({ text }, "since 20260301")).toBe("/text");
    }
  });

  it.each(["7", "7,, ", "7 "])("completes for sixteen mebibytes of %j", (digits) => {
    const text = digits.repeat((16 * MEBIBYTE) / digits.length);
    expect(leakIn({ text }, "patient 1234")).toBeUndefined();
    expect(leakIn({ text: text.slice(0, MEBIBYTE) }, "patient 7777 7777")).toBe("/text");
  });

  it("finds digits at every offset from the pieces that a long text is read in", () => {
    for (let shift = 0; shift < 64; shift++) {
      const text = `${"z".repeat(2 ** 15 - shift)}1 / 2 / 3 / 4 / 5 / 6 / 7 / 8${"z".repeat(99)}`;
      expect(leakIn({ text }, "no. 12345678")).toBe("/text");
      expect(leakIn(text.slice(0, -99), "no. 12345678")).toBe("");
    }
  });

  it("does not fold ideographs, of which a text has thousands", () => {
    const normalize = vi.spyOn(String.prototype, "normalize");
    const text = Array.from({ length: 20_000 }, (_, n) => String.fromCharCode(0x4e00 + n)).join("");
    expect(leakIn({ text }, "patient record")).toBeUndefined();
    expect(leakIn({ text }, text.slice(100, 108))).toBe("/text");
    expect(normalize).not.toHaveBeenCalled();
  });

  it("finds a leak after many near misses, when it uses a set", () => {
    expect(leakIn(`${NEARLY.repeat(1000)}with 14 fields`, VIEW)).toBe("");
    const words = Array.from({ length: 200 }, () => "pate");
    expect(leakIn([...words, "14 f"], VIEW)).toBe("/200");
  });

  it("refuses a payload that is too deep to search instead of accepting it", () => {
    let deep: unknown = "leaf";
    for (let depth = 0; depth < 300; depth++) deep = [deep];
    expect(() => leakIn(deep, VIEW)).toThrow(TypeError);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => leakIn(cycle, VIEW)).toThrow(/^data has too many values, or nests too deep/);
  });

  it("refuses a payload with too many values", () => {
    // A list with this many holes takes no memory, but the search takes as long.
    const long = new Array(2 ** 24 + 1);
    expect(() => leakIn({ long }, VIEW)).toThrow(TypeError);
    let shared: unknown = new Array(1000).fill(true);
    for (let depth = 0; depth < 4; depth++) shared = { shared: new Array(1000).fill(shared) };
    expect(() => leakIn(shared, VIEW)).toThrow(TypeError);
  });
});

describe("a summarizer's work", () => {
  const context = { ownerPrincipal: "owner", grantedPrincipals: [] };
  // Few digits: each leak causes another round, and their number depends on the values.
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => (n % 61) + 0.5);
  const nested = (count: number) => numbers(count / 8).map((n) => [[n], [[n + 0.5], "x"]]);
  it.each([
    ["a table", (count: number) => numbers(count / 4).map((n) => ({ n, name: "Ada", at: n }))],
    ["a list of numbers", numbers],
    ["nested lists", nested],
    ["an object of many", (count: number) => alike(count, "x")],
    ["a map", (count: number) => new Map(numbers(count).map((n, at) => [{ n }, new Date(at)]))],
    ["a set", (count: number) => new Set(numbers(count).map((n) => [n]))],
    ["a text", (count: number) => "a letter of many words. ".repeat(count / 8)],
    ["bytes", (count: number) => Buffer.alloc(8 * count, "a letter. ")],
  ])("grows with the size of %s and no faster", (_, make) => {
    for (const summarizer of [schemaSummarizer(), aggregateSummarizer({ range: true })]) {
      const [small, large] = [2000, 16_000].map((count) => {
        const data = make(count);
        return countedWork(() => summarizer.summarize(data, context));
      });
      expect(large).toBeLessThan(9 * Number(small) + 5000);
      expect(large).toBeLessThan(40 * 16_000);
    }
  });
});
