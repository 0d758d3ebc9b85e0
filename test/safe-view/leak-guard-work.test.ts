import { afterEach, describe, expect, it, vi } from "vitest";
import { LeakGuard } from "../../src/safe-view/leak-guard.js";
import { leakIn } from "./leaks.js";

const MEBIBYTE = 2 ** 20;
const VIEW = "patient record with 14 fields, sealed 2026-03-01";

afterEach(() => void vi.restoreAllMocks());

/** What reads a text, and what asks a question about a part of one. */
const READERS = [
  [String.prototype, "charCodeAt"],
  [String.prototype, "includes"],
  [String.prototype, "slice"],
  [Set.prototype, "has"],
] as const;

/** Counts everything that the guard reads, and every question that it asks. */
function workOf(data: unknown, text: string): number {
  let calls = 0;
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
    new LeakGuard().find({ data, text, isAscii: true });
  } finally {
    for (const undo of restore) undo();
  }
  return calls;
}

/** Rows that share words, but no eight characters and no value, with the safe view. */
function rows(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `S-${90_000_000 + 7 * n}`,
    kind: "recorder pat",
    value: n / 8,
    at: `2027-${n}-01T06:05`,
  }));
}

/** Shares seven characters with the safe view wherever it is looked at. */
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

  it("does not grow with a safe view of 4 KiB times the payload", () => {
    const view = NEARLY.repeat(256);
    const data = `${"record.patent ".repeat(MEBIBYTE / 64)}`;
    expect(workOf(data, view)).toBeLessThan(6 * data.length + 20 * view.length * 10);
  });

  it("is the same for the second payload, but for the safe view", () => {
    const guard = new LeakGuard();
    guard.find({ data: rows(1), text: VIEW, isAscii: true });
    const decoding = vi.spyOn(Buffer, "from");
    guard.find({ data: rows(1), text: VIEW, isAscii: true });
    expect(decoding).not.toHaveBeenCalled();
  });

  it("finds a leak at the end of a mebibyte, wherever it lies to the stride", () => {
    for (let shift = 0; shift < 14; shift++) {
      const text = `${"z".repeat(MEBIBYTE + shift)}20260301`;
      expect(leakIn({ text }, "since 20260301")).toBe("/text");
    }
  });

  it("finds a leak after many near misses have made it ask a set", () => {
    expect(leakIn(`${NEARLY.repeat(1000)}with 14 fields`, VIEW)).toBe("");
    const words = Array.from({ length: 200 }, () => "pate");
    expect(leakIn([...words, "14 f"], VIEW)).toBe("/200");
  });

  it("refuses what is too deep to be looked through, rather than let it pass", () => {
    let deep: unknown = "leaf";
    for (let depth = 0; depth < 300; depth++) deep = [deep];
    expect(() => leakIn(deep, VIEW)).toThrow(TypeError);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => leakIn(cycle, VIEW)).toThrow(/^data has too many values, or nests too deep/);
  });

  it("refuses what holds too many values", () => {
    // A list of so many holes takes no memory, and is no less to look through.
    const long = new Array(2 ** 24 + 1);
    expect(() => leakIn({ long }, VIEW)).toThrow(TypeError);
    let shared: unknown = new Array(1000).fill(true);
    for (let depth = 0; depth < 4; depth++) shared = { shared: new Array(1000).fill(shared) };
    expect(() => leakIn(shared, VIEW)).toThrow(TypeError);
  });
});
