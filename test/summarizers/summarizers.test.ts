import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  aggregateSummarizer,
  maskSummarizer,
  SafeView,
  schemaSummarizer,
  truncateSummarizer,
} from "../../src/safe-view.js";
import type { Summarizer } from "../../src/vault/safe-view.js";

const CONTEXT = { ownerPrincipal: "owner", grantedPrincipals: [] };

async function viewOf(summarizer: Summarizer, data: unknown): Promise<SafeView> {
  const view = await summarizer.summarize(data, CONTEXT);
  if (!(view instanceof SafeView)) throw new Error("not a safe view");
  return view;
}

async function summaryOf(summarizer: Summarizer, data: unknown): Promise<string> {
  return String(await viewOf(summarizer, data));
}

function rows(count: number, row: (n: number) => object = (n) => ({ id: `p${n}`, age: 20 + n })) {
  return Array.from({ length: count }, (_, n) => row(n));
}

describe("a safe view", () => {
  it("is its summary when converted to a string", () => {
    expect(`${new SafeView({ summary: "a record" })}`).toBe("a record");
  });

  it("is frozen, and independent of its input", () => {
    const [schema, shown] = [{ a: "text" }, ["/a"]];
    const view = new SafeView({ summary: "", dataType: "table", rowCount: 2, schema, shown });
    schema.a = "number";
    shown.push("/b");
    expect(view).toMatchObject({ dataType: "table", rowCount: 2, schema: { a: "text" } });
    expect(view.shown).toEqual(["/a"]);
    for (const part of [view, view.schema, view.shown]) expect(Object.isFrozen(part)).toBe(true);
  });

  it("has only the given fields", () => {
    const { dataType, rowCount, schema, shown } = new SafeView({ summary: "x" });
    expect([dataType, rowCount, schema, shown]).toEqual([undefined, undefined, undefined, []]);
  });
});

describe("schemaSummarizer", () => {
  const schema = schemaSummarizer();

  it.each([
    [
      "an object",
      { name: "Ann", age: 5, tags: ["x"] },
      "object, 3 fields, name (text), age (number), tags (list)",
    ],
    ["one field", { on: true }, "object, 1 field, on (boolean)"],
    ["a table", rows(3), "table, 3 rows, 2 columns, id (text), age (number)"],
    [
      "rows that differ",
      [{ a: 1 }, { a: "x", b: null }],
      "table, 2 rows, 2 columns, a (mixed), b (empty)",
    ],
    ["an empty list", [], "list, 0 items"],
    ["a nested list", [[1], [2]], "list, 2 items"],
    ["a text", "a letter", "text, 8 characters"],
    ["a number", 5, "number"],
    ["a big integer", 5n, "number"],
    ["a boolean", false, "boolean"],
    ["null", null, "empty"],
    ["a date", new Date(0), "date"],
    [
      "a map",
      new Map<unknown, unknown>([
        ["a", new Map()],
        [1, 2],
      ]),
      "map, 2 fields, a (map), 1 hidden",
    ],
    ["a set", new Set([1]), "set, 1 item"],
    [
      "members of every kind",
      { d: new Date(0), s: new Set(), b: new ArrayBuffer(1), o: {} },
      "object, 4 fields, d (date), s (set), b (bytes), o (object)",
    ],
    ["a table of maps", [new Map([["a", 1]])], "table, 1 row, 1 column, a (number)"],
    ["bytes", new Uint8Array(9), "9 bytes"],
    ["an image", Buffer.from("89504e470d0a1a0a0000", "hex"), "image/png, 10 bytes"],
  ])("tells the shape of %s", async (_, data, summary) => {
    expect(await summaryOf(schema, data)).toBe(summary);
  });

  it("has the same facts as fields", async () => {
    expect(await viewOf(schema, rows(3))).toMatchObject({
      dataType: "table",
      rowCount: 3,
      schema: { id: "text", age: "number" },
    });
    expect((await viewOf(schema, [])).rowCount).toBe(0);
    expect((await viewOf(schema, [1])).rowCount).toBeUndefined();
  });

  it("hides names that are not identifiers, and all names of a map of many", async () => {
    const byNumber = { "123-45-6789": 1, "Ann Smith": 2, ok: 3 };
    expect(await summaryOf(schema, byNumber)).toBe("object, 3 fields, ok (number), 2 hidden");
    const many = Object.fromEntries(rows(65).map((_, n) => [`anna${n}`, n]));
    expect(await summaryOf(schema, many)).toBe("object, 65 fields, 65 hidden");
    expect(await summaryOf(schema, [many])).toBe("table, 1 row, 65 columns, 65 hidden");
  });

  it("hides and renames fields according to its options", async () => {
    const summarizer = schemaSummarizer({
      hide: ["hiv"],
      rename: { "e mail": "contact", id: "nr" },
    });
    const data = { hiv: false, "e mail": "a@b.c", id: 1, rest: 2 };
    const view = await viewOf(summarizer, data);
    expect(String(view)).toBe(
      "object, 4 fields, contact (text), nr (number), rest (number), 1 hidden",
    );
    expect(view.schema).toEqual({ contact: "text", nr: "number", rest: "number" });
  });

  it.each([
    [{ hide: "a" }, TypeError],
    [{ rename: 5 }, TypeError],
    [{ rename: null }, TypeError],
    [{ rename: { a: 5 } }, TypeError],
    [{ rename: { a: "not an identifier" } }, RangeError],
    [{ unknown: 1 }, TypeError],
  ])("refuses %j", (options, error) => {
    expect(() => schemaSummarizer(options as never)).toThrow(error);
  });

  it("leaves out a count that equals a value, in summary and fields", async () => {
    const view = await viewOf(
      schema,
      rows(1234, () => ({ total: 1234 })),
    );
    expect(String(view)).toBe("table, rows, at least 1 column, total (number)");
    expect(view.rowCount).toBeUndefined();
  });

  it("has no fact as a field that its summary left out", async () => {
    for (const summarizer of [schema, aggregateSummarizer()]) {
      const counted = rows(1234, () => ({ f1234: 1234 }));
      expect(await viewOf(summarizer, counted)).toMatchObject({
        dataType: "table",
        rowCount: undefined,
      });
      const worded = [{ kind: "table", table_: 1 }];
      expect(await viewOf(summarizer, worded)).toMatchObject({ dataType: undefined, rowCount: 1 });
    }
    expect((await viewOf(schema, { a: "object" })).dataType).toBeUndefined();
    expect((await viewOf(schema, new TextEncoder().encode("bytes"))).dataType).toBeUndefined();
    expect((await viewOf(schema, new TextEncoder().encode("%PDF-1.7"))).dataType).toBe("bytes");
  });

  it("has no field in its schema that its summary left out", async () => {
    const told = async (data: unknown, by = schema) => (await viewOf(by, data)).schema;
    expect(await told({ type: "list", kind: ["text"], nr: 1 })).toEqual({
      type: "",
      kind: "",
      nr: "number",
    });
    expect(await told({ customer: 1, code: "customers" })).toEqual({ code: "text" });
    const renaming = schemaSummarizer({ rename: { city: "Springfield", hiv: "a" } });
    const renamed = { city: "Springfield", hiv: 1, hospital: ["Springfield clinic"] };
    expect(await told(renamed, renaming)).toEqual({ a: "number", hospital: "list" });
    expect(await told({ a: "t, 1 fie" })).toEqual({});
    expect(await told("text")).toEqual({});
  });

  it("leaves out its own words where they are values", async () => {
    expect(await summaryOf(schema, { type: "object", kind: "text" })).toBe("2 fields, type, kind");
    expect(await summaryOf(schema, ["table", "list, 3 items", "items"])).toBe("list");
    expect(await summaryOf(schema, "text, 18 character")).toBe("text");
    expect(await summaryOf(schema, "ct, 3 fi")).toBe("text, 8 characters");
    expect(await summaryOf(schema, { a: "t, 1 fie" })).toBe("");
  });

  it("reads the first thousand rows of a table, and says so", async () => {
    const data = rows(1500, (n) => (n < 1000 ? { a: n } : { a: n, late: n }));
    expect(await summaryOf(schema, data)).toBe("table, 1500 rows, at least 1 column, a (number)");
    expect(
      await summaryOf(
        schema,
        rows(2001, () => ({ a: 1 })),
      ),
    ).toMatch(/^table, 2001 rows, /);
  });
});

describe("the media type of bytes", () => {
  it.each([
    ["image/jpeg", "ffd8ffe0"],
    ["image/gif", "474946383961"],
    ["image/webp", "52494646aabbccdd57454250"],
    ["application/pdf", "255044462d312e37"],
    ["application/zip", "504b0304"],
    ["application/gzip", "1f8b0800"],
    ["application/wasm", "0061736d01000000"],
    ["video/mp4", "00000018667479706d703432"],
    ["application/dicom", `${"00".repeat(128)}4449434d`],
  ])("is %s where the first bytes say so", async (mediaType, hex) => {
    const bytes = Buffer.from(hex, "hex");
    const summary = await summaryOf(schemaSummarizer(), bytes);
    expect(summary).toBe(`${mediaType}, ${bytes.length} bytes`);
  });
});

describe("aggregateSummarizer", () => {
  const aggregate = aggregateSummarizer();

  it("shows count, sum and mean of numeric columns", async () => {
    const view = await viewOf(
      aggregate,
      rows(10, (n) => ({ name: `n${n}`, score: n * n })),
    );
    expect(String(view)).toBe("table, 10 rows, score: sum 285, mean 28.5");
    expect(view).toMatchObject({ dataType: "table", rowCount: 10 });
  });

  it.each([
    ["a list of numbers", [1, 2, 4, 8, 17], "list, 5 items, numbers: sum 32, mean 6.4"],
    ["a set of numbers", new Set([1, 2, 4, 8, 17]), "list, 5 items, numbers: sum 32, mean 6.4"],
    [
      "an object of numbers",
      { a: 1, b: 2, c: 4, d: 8, e: 17, f: "x" },
      "list, 6 items, numbers: sum 32, mean 6.4",
    ],
    ["an empty list", [], "list, 0 items"],
    ["a text", "a letter", "value"],
  ])("sums up %s", async (_, data, summary) => {
    expect(await summaryOf(aggregate, data)).toBe(summary);
  });

  it("does not mention columns with fewer numbers than the smallest group", async () => {
    expect(await summaryOf(aggregate, [1, 2, 4, 8])).toBe("list, 4 items");
    const some = rows(10, (n) => (n < 4 ? { few: n } : { many: n + 0.25 }));
    expect(await summaryOf(aggregate, some)).toBe("table, 10 rows, many: sum 40.5, mean 6.75");
    expect(await summaryOf(aggregateSummarizer({ minimumGroup: 2 }), [1, 2])).toBe(
      "list, 2 items, numbers: sum 3, mean 1.5",
    );
  });

  it("shows neither sum nor mean if one of them equals a value", async () => {
    expect(await summaryOf(aggregate, [0, 0, 0, 0, 123])).toBe("list, 5 items, numbers");
    expect(await summaryOf(aggregate, [7, 7, 7, 7, 7])).toBe("list, 5 items, numbers");
    expect(await summaryOf(aggregate, [1, 2, 3, 4, 5])).toBe("list, 5 items, numbers");
  });

  it("shows neither sum nor mean if one number makes up most of the sum", async () => {
    const view = (salary: number) => summaryOf(aggregate, [1, 2, -3, 4.5, salary]);
    for (const salary of [123_456, -123_456, 42.5]) {
      expect(await view(salary)).toBe("list, 5 items, numbers");
    }
    expect(await view(41.5)).toBe("list, 5 items, numbers: sum 46, mean 9.2");
  });

  it("shows no figure that equals a value of another column", async () => {
    const data = rows(5, (n) => ({ a: n * 1001 + 0.5, total: n === 0 ? "10012.5" : "x" }));
    expect(await summaryOf(aggregate, data)).toBe("table, 5 rows, a");
  });

  it("shows no figure of a column whose numbers are all the same", async () => {
    const range = aggregateSummarizer({ range: true });
    for (const value of [7, 0.5, 1_234_567, 12_345_678, 1e9 / 3]) {
      expect(
        await summaryOf(
          range,
          rows(5, () => ({ salary: value })),
        ),
      ).toBe("table, 5 rows, salary");
    }
  });

  it("shows no mean that equals a value before it is rounded", async () => {
    const salaries = [1_234_565, 1_234_566, 1_234_567, 1_234_568, 1_234_569];
    expect(await summaryOf(aggregate, salaries)).toBe("list, 5 items, numbers");
  });

  it("shows no figure that equals a number anywhere in the payload, however few its digits", async () => {
    const squares = (n: number) => n * n;
    const column = rows(10, (n) => ({ score: squares(n), cd4: n === 3 ? 285 : n * 40 + 1.5 }));
    expect(await summaryOf(aggregate, column)).toMatch(/^table, 10 rows, score, cd4: sum/);
    for (const leaf of [285, 285n, 28.5, new Float32Array([28.5])]) {
      for (const place of [[leaf], new Map([["x", leaf]]), new Set([leaf]), { deep: [leaf] }]) {
        const data = rows(10, (n) => ({ score: squares(n), rest: n === 9 ? place : null }));
        expect(await summaryOf(aggregate, data)).toBe("table, 10 rows, score");
      }
    }
  });

  it("shows a range only when asked, rounded outward to two digits", async () => {
    const range = aggregateSummarizer({ range: true });
    const data = [1234, 5678, 3000.5, -0.01234, 2222];
    expect(await summaryOf(range, data)).toMatch(/, from -0\.013, to 5700$/);
    expect(await summaryOf(range, [10, 25, 31, 99, 20])).toBe(
      "list, 5 items, numbers: sum 185, mean 37",
    );
    expect(await summaryOf(range, [0, 1.5, 32.5, 33.5, 101])).toMatch(/, to 110$/);
    expect(await summaryOf(range, [-1234, -5, -7, -9, -12])).toMatch(/from -1300/);
  });

  it("hides columns whose names are data, and those of a wide table", async () => {
    const named = rows(5, (n) => ({ "123-45-6789": n * 3, ok: n * n * 5 + 1 }));
    expect(await summaryOf(aggregate, named)).toBe("table, 5 rows, ok: sum 155, mean 31");
    const wide = rows(5, (n) => Object.fromEntries(rows(70).map((_, c) => [`c${c}`, n * c])));
    expect(await summaryOf(aggregate, wide)).toBe("table, 5 rows");
  });

  it("keeps within 4 KiB by whole columns, and says how many it left out", async () => {
    const names = Array.from({ length: 64 }, (_, c) => `${"n".repeat(36)}_${c + 10}`);
    const wide = rows(7, (n) =>
      Object.fromEntries(names.map((name, c) => [name, n * n * c + 0.7])),
    );
    const summary = await summaryOf(aggregateSummarizer({ range: true }), wide);
    const columns = summary.match(/n{36}_\d\d/g) ?? [];
    const left = Number(/, (\d+) more$/.exec(summary)?.[1]);
    expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(4096);
    expect(columns.length).toBeGreaterThan(30);
    expect(columns.length + left).toBe(64);
  });

  it("leaves out numbers that are not finite, and sums that overflow", async () => {
    expect(await summaryOf(aggregate, [1, 2, Number.NaN, 4, 8, Number.POSITIVE_INFINITY, 17])).toBe(
      "list, 7 items, numbers: sum 32, mean 6.4",
    );
    expect(await summaryOf(aggregate, [1e308, 1.1e308, 1.2e308, 1.3e308, 1.4e308])).toBe(
      "list, 5 items, numbers",
    );
  });

  it("aggregates the first hundred thousand rows, and says so", async () => {
    const many = new Array(100_001).fill(0).map((_, n) => n % 2);
    expect(await summaryOf(aggregate, many)).toBe(
      "list, 100001 items, figures of the first 100000, numbers: sum 50000, mean 0.5",
    );
    const table = rows(100_001, (n) => (n < 2000 ? { a: n % 3 } : n % 2 === 0 ? [] : { a: 3 }));
    expect(await summaryOf(aggregate, table)).toContain("figures of the first 100000, a: sum");
  });

  it.each([
    [{ minimumGroup: 1 }, RangeError],
    [{ minimumGroup: "5" }, TypeError],
    [{ range: 1 }, TypeError],
    [{ ranges: true }, TypeError],
  ])("refuses %j", (options, error) => {
    expect(() => aggregateSummarizer(options as never)).toThrow(error);
  });
});

describe("maskSummarizer", () => {
  it("shows the parts of each field that its rules allow, and masks the rest", async () => {
    const fields = { "/ssn": { last: 4 }, "/people/*/mail": { first: 1 }, "/pin": {} };
    const data = {
      ssn: "123-45-6789",
      people: [{ mail: "ann@example.org" }, { mail: "bob@example.com" }],
      pin: 4711,
      other: "secret",
    };
    const view = await viewOf(maskSummarizer({ fields }), data);
    expect(String(view)).toBe(
      "ssn ***-**-6789, mail a**@*******.***, mail b**@*******.***, pin ****",
    );
    expect(view.shown).toEqual(Object.keys(fields));
  });

  it("masks a value completely if a rule would show more than half of it", async () => {
    const fields = { "": { first: 2, last: 2 } };
    expect(await summaryOf(maskSummarizer({ fields }), "abcdefg")).toBe("*******");
    expect(await summaryOf(maskSummarizer({ fields }), "abcdefgh")).toBe("ab****gh");
  });

  it("counts characters as a reader sees them", async () => {
    const fields = { "/0": { first: 1 } };
    expect(await summaryOf(maskSummarizer({ fields }), ["𝐀🍌ößé"])).toBe("𝐀****");
  });

  it.each([
    "$%^&*!)(@#",
    "\u093f\u094d\u0940\u0941",
    "🍌🍒🍇🍓",
    "e\u0301",
    "- - - 7",
    "....",
    "\t\n\u00a0\u200b",
  ])("masks every character of %j, which has few letters or none", async (value) => {
    const summary = await summaryOf(maskSummarizer({ fields: { "/0": {} } }), [value]);
    expect(summary).toBe("*".repeat([...value].length));
  });

  it("shows only the characters that its rule keeps, and a few separators", async () => {
    const rule = fc.record({
      first: fc.integer({ min: 0, max: 3 }),
      last: fc.integer({ min: 0, max: 3 }),
    });
    const anyText = fc.string({ unit: "binary", minLength: 1, maxLength: 60 });
    const law = fc.asyncProperty(anyText, rule, async (value, { first, last }) => {
      const summary = await summaryOf(maskSummarizer({ fields: { "": { first, last } } }), value);
      const shown = [...summary].filter((character) => character !== "*");
      const kept = shown.filter((character) => !"-/. @".includes(character));
      const letters = [...value].filter((character) => /[\p{L}\p{N}]/u.test(character));
      expect(kept.length).toBeLessThanOrEqual(Math.min(first + last, letters.length / 2));
      expect(shown.length - kept.length).toBeLessThanOrEqual(letters.length / 2);
      for (const character of kept) expect(letters).toContain(character);
    });
    await fc.assert(law);
  });

  it("shows no name that may be data", async () => {
    const many = Object.fromEntries(rows(65).map((_, n) => [`anna_smith${n}`, "12345678"]));
    const summarizer = maskSummarizer({ fields: { "/*": { last: 2 }, "/*/*": { last: 2 } } });
    expect(await summaryOf(summarizer, many)).toMatch(/^\*{6}78(, \*{6}78){19}, 45 more$/);
    expect(await summaryOf(summarizer, { people: many })).toMatch(/^people \*{6}78, /);
    expect(await summaryOf(summarizer, { "123-45-6789": "12345678" })).toBe("******78");
  });

  it("ignores values that are missing, not texts, or too long", async () => {
    const fields = { "/a": { last: 1 }, "/b": {}, "/c": {}, "/d/x": {} };
    expect(
      await summaryOf(maskSummarizer({ fields }), { a: null, b: {}, c: "x".repeat(257) }),
    ).toBe("");
  });

  it("shows the first twenty values within 4 KiB, and counts the others", async () => {
    const summarizer = maskSummarizer({ fields: { "/*": {} } });
    const short = await summaryOf(summarizer, new Array(30).fill("ab"));
    expect(short).toBe(`${new Array(20).fill("**").join(", ")}, 10 more`);
    const long = await summaryOf(summarizer, new Array(30).fill("€".repeat(250)));
    expect(long).toMatch(/, 15 more$/);
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(4096);
  });

  it.each([
    [{}, TypeError],
    [{ fields: null }, TypeError],
    [{ fields: { ssn: {} } }, RangeError],
    [{ fields: { "/ssn": { last: 17 } } }, RangeError],
    [{ fields: { "/ssn": { last: "4" } } }, TypeError],
    [{ fields: { "/ssn": { all: true } } }, TypeError],
    [{ fields: { "/ssn": 5 } }, TypeError],
  ])("refuses %j", (options, error) => {
    expect(() => maskSummarizer(options as never)).toThrow(error);
  });
});

describe("truncateSummarizer", () => {
  it("shows the first 200 characters of a text, and marks that it goes on", async () => {
    const summarizer = truncateSummarizer({ unsafe: true });
    expect(await summaryOf(summarizer, "short")).toBe("short");
    expect(await summaryOf(summarizer, "x".repeat(200))).toBe("x".repeat(200));
    const view = await viewOf(summarizer, "x".repeat(201));
    expect(String(view)).toBe(`${"x".repeat(200)} [TRUNCATED]`);
    expect(view).toMatchObject({ dataType: "text", shown: [""] });
  });

  it("splits no character, and always fits into a safe view", async () => {
    const summarizer = truncateSummarizer({ unsafe: true, characters: 3 });
    expect(await summaryOf(summarizer, "ab🍌c")).toBe("ab [TRUNCATED]");
    expect(await summaryOf(summarizer, "a🍌c")).toBe("a🍌 [TRUNCATED]");
    expect(await summaryOf(summarizer, "\ud800")).toBe("\ufffd");
    const longest = truncateSummarizer({ unsafe: true, characters: 1000 });
    const summary = await summaryOf(longest, "€🍌".repeat(1000));
    expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(4096);
  });

  it("shows the shape of anything but a text", async () => {
    const summarizer = truncateSummarizer({ unsafe: true });
    expect(await summaryOf(summarizer, { a: "secret" })).toBe("object, 1 field, a (text)");
  });

  it.each([
    [{}, TypeError],
    [{ unsafe: false }, TypeError],
    [{ unsafe: true, characters: 1001 }, RangeError],
    [{ unsafe: true, limit: 5 }, TypeError],
  ])("refuses %j", (options, error) => {
    expect(() => truncateSummarizer(options as never)).toThrow(error);
  });
});
