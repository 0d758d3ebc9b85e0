import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeakGuard } from "../../src/leak-guard/leak-guard.js";
import { aggregateSummarizer, SafeView, schemaSummarizer } from "../../src/safe-view.js";
import type { Summarizer } from "../../src/vault/safe-view.js";

const CONTEXT = { ownerPrincipal: "owner", grantedPrincipals: [] };

const identifier = fc.oneof(
  fc.stringMatching(/^[a-z_][a-z0-9_]{0,11}$/),
  fc.constantFrom("a", "b", "c", "d", "text", "number", "fields", "columns"),
);
const personalNumber = fc.stringMatching(/^[0-9]{3}-[0-9]{2}-[0-9]{4}$/);
/** Words of the summarizers, which are also used as values. */
const vocabulary = fc.constantFrom(
  "object, 3 fields",
  "table",
  "rows",
  "fields",
  "columns",
  "characters",
  "text",
  "number",
  "list, 0 items",
  "hidden",
  "mean",
  "secret",
);
const leaf = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.string({ minLength: 4, maxLength: 12 }),
  vocabulary,
  identifier,
  personalNumber,
  fc.integer({ min: -20_000, max: 20_000 }),
  fc.double({ noNaN: true }),
  fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }),
  fc.float64Array({ noNaN: true, noDefaultInfinity: true, maxLength: 6 }),
  fc.bigInt64Array({ maxLength: 3 }),
  fc.boolean(),
  fc.constant(null),
);
const { payload } = fc.letrec<{ payload: unknown }>((tie) => ({
  payload: fc.oneof(
    { maxDepth: 4, depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("payload"), { maxLength: 12 }),
    fc.dictionary(fc.oneof(identifier, personalNumber), tie("payload"), { maxKeys: 8 }),
    fc.array(tie("payload"), { maxLength: 6 }).map((items) => new Set(items)),
    fc
      .array(fc.tuple(fc.oneof(identifier, leaf), tie("payload")), { maxLength: 6 })
      .map((members) => new Map(members)),
    fc.array(fc.dictionary(identifier, leaf, { minKeys: 1, maxKeys: 6 }), { minLength: 1 }),
    fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 5, maxLength: 8 }),
    fc.dictionary(personalNumber, leaf, { minKeys: 66, maxKeys: 70 }),
  ),
}));

/** Returns every leaf as a text, and the field names. Uses no code of the library. */
function contentsOf(data: unknown, found = { leaves: [] as string[], names: new Set<string>() }) {
  if (Array.isArray(data) || data instanceof Set) {
    for (const item of data) contentsOf(item, found);
  } else if (data instanceof Float64Array || data instanceof BigInt64Array) {
    found.leaves.push(...Array.from(data, String));
  } else if (data instanceof Date) {
    found.leaves.push(data.toISOString(), data.toISOString().slice(0, 10));
  } else if (data instanceof Uint8Array) {
    const bytes = Buffer.from(data);
    found.leaves.push(bytes.toString("latin1"), bytes.toString("hex"), bytes.toString("base64"));
  } else if (typeof data === "object" && data !== null) {
    const members = data instanceof Map ? [...data] : Object.entries(data);
    for (const [name, value] of members) {
      const isName =
        typeof name === "string" && /^[a-z_$][\w$]*$/i.test(name) && members.length <= 64;
      if (isName) found.names.add(name);
      else contentsOf(name, found);
      contentsOf(value, found);
    }
  } else if (typeof data !== "boolean" && data !== null) {
    found.leaves.push(String(data));
  }
  return found;
}

/** Texts that reveal no value, wherever they occur. */
const CONSTANTS = /^(?:true|false|null|none|undefined)$/i;

function assertSilent(text: string, data: unknown): void {
  const { leaves, names } = contentsOf(data);
  const withoutNames = text.replace(/[A-Za-z_$][\w$]*/g, (word) => (names.has(word) ? "\0" : word));
  for (const one of leaves) {
    const isLeaf = one.length >= 4 && !CONSTANTS.test(one);
    if (isLeaf && typeof data !== "boolean" && withoutNames.includes(one)) {
      throw new Error(`${JSON.stringify(one)} is in ${JSON.stringify(text)}`);
    }
  }
}

/** Returns every text in a safe view: its summary and its other fields. */
function textsOf(view: unknown): string[] {
  if (typeof view !== "object" || view === null) return view === undefined ? [] : [String(view)];
  return Object.entries(view).flatMap(([name, value]) =>
    view instanceof SafeView ? textsOf(value) : [name, ...textsOf(value)],
  );
}

const SUMMARIZERS: Readonly<Record<string, Summarizer>> = {
  "the schema summarizer": schemaSummarizer(),
  "the schema summarizer with rules": schemaSummarizer({
    hide: ["a"],
    rename: { b: "columns", c: "secret", d: "number" },
  }),
  "the aggregate summarizer": aggregateSummarizer({ minimumGroup: 2, range: true }),
};

describe.each(Object.entries(SUMMARIZERS))("%s", (_, summarizer) => {
  it("repeats no leaf of four characters or more, field names aside", async () => {
    await fc.assert(
      fc.asyncProperty(payload, async (data) => {
        const view = await summarizer.summarize(data, CONTEXT);
        for (const text of textsOf(view)) assertSilent(text, data);
        expect(Buffer.byteLength(String(view))).toBeLessThanOrEqual(4096);
      }),
      { numRuns: 600 },
    );
  });

  it("writes only safe views that pass the leak guard", async () => {
    await fc.assert(
      fc.asyncProperty(payload, async (data) => {
        const view = await summarizer.summarize(data, CONTEXT);
        for (const text of textsOf(view)) {
          expect(new LeakGuard().find({ data, text })).toBeUndefined();
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("the schema of a safe view", () => {
  it("has the fields and the types that its summary has, and no others", async () => {
    const summarizer = SUMMARIZERS["the schema summarizer with rules"] as Summarizer;
    const law = fc.asyncProperty(payload, async (data) => {
      const view = await summarizer.summarize(data, CONTEXT);
      if (!(view instanceof SafeView)) throw new Error("not a safe view");
      const { summary, schema = {} } = view;
      const parts = summary.split(", ");
      const fields = Object.entries(schema).map(([name, type]) =>
        type === "" ? name : `${name} (${type})`,
      );
      expect(parts.filter((part) => fields.includes(part)).length).toBeGreaterThanOrEqual(
        fields.length,
      );
      expect(fields).toEqual(
        expect.arrayContaining(parts.filter((part) => /^[\w$]+ \(/.test(part))),
      );
    });
    await fc.assert(law, { numRuns: 600 });
  });
});

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

function escapeOf(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}

/** Notations of a value that the guard must find. */
const DISGUISES: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => text.toLowerCase(),
  (text) => text.normalize("NFD"),
  (text) => text.normalize("NFKC"),
  (text) => [...text].join("\u200b"),
  (text) => JSON.stringify(text).slice(1, -1),
  (text) => Array.from({ length: text.length }, (_, at) => escapeOf(text.charCodeAt(at))).join(""),
  (text) => encodeURIComponent(text),
  (text) => new URLSearchParams({ text }).toString(),
  (text) => Array.from(Buffer.from(text), (byte) => `%${hexOf(byte)}`).join(""),
  (text) => Array.from(Buffer.from(text), (byte) => `0x${hexOf(byte)}`).join(", "),
  (text) => text.replace(/[!-~]/g, (one) => String.fromCharCode(one.charCodeAt(0) + 0xfee0)),
  (text) => Buffer.from(text).toString("base64"),
  (text) => Buffer.from(text).toString("base64url"),
  (text) => Buffer.from(text).toString("hex"),
  (text) => Buffer.from(text).toString("hex").toUpperCase(),
];
/** Letters, digits and spaces of several scripts that folding does not change. */
const words = fc.string({
  unit: fc.constantFrom(..."abcXYZ019 -äÉñßжΣ漢".normalize("NFC")),
  minLength: 4,
  maxLength: 30,
});

describe("the leak guard", () => {
  it("finds any text in any encoding, anywhere in a safe view and in a payload", () => {
    const place = fc.tuple(fc.stringMatching(/^[ .,;]{0,9}$/), fc.stringMatching(/^[ .,;]{0,9}$/));
    fc.assert(
      fc.property(
        words,
        fc.constantFrom(...DISGUISES),
        place,
        (secret, disguise, [before, after]) => {
          const text = `${before}.${disguise(secret)}.${after}`;
          for (const data of [
            secret,
            { a: [{ b: secret }] },
            new Map([["a", new Set([secret])]]),
            Buffer.from(secret),
          ]) {
            expect(new LeakGuard().find({ data, text })).toBeDefined();
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("finds any eight characters that a text and a safe view have in common", () => {
    const around = fc.stringMatching(/^[#-/]{0,20}$/);
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{8}$/), around, around, around, (part, a, b, c) => {
        const data = { text: `${a}${part}${b}` };
        expect(new LeakGuard().find({ data, text: `${c}${part}` })).toBeDefined();
        expect(new LeakGuard().find({ data, text: `${c}${part}`, isAscii: true })).toBeDefined();
      }),
    );
  });

  it("finds in plain words exactly the same as an exhaustive search", () => {
    const letters = fc.string({ unit: fc.constantFrom(..."abAB "), minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 5 }), letters, (data, text) => {
        const found = new LeakGuard().find({ data, text, isAscii: true }) !== undefined;
        expect(found).toBe(data.some((one) => shares(one.toUpperCase(), readings(text))));
      }),
      { numRuns: 1500 },
    );
  });

  it("finds every number of four digits or more in a safe view", () => {
    const number = fc.oneof(
      fc.integer({ min: 1000 }),
      fc.integer({ max: -1000 }),
      fc.double({ min: 1000, max: 1e12, noNaN: true }),
      fc.bigInt({ min: 1000n }),
    );
    fc.assert(
      fc.property(number, (value) => {
        const texts = [
          `${value}`,
          `= ${value}.`,
          `(${value.toLocaleString("en", { maximumFractionDigits: 20 })})`,
        ];
        for (const text of texts)
          expect(new LeakGuard().find({ data: { value }, text })).toBeDefined();
      }),
    );
  });
});

/** Returns the text itself, its single letters joined, and its words that are base64 by chance. */
function readings(text: string): string[] {
  const spelled = [...text.matchAll(/(?<![ab])[ab](?:\s{1,2}[ab](?![ab])){3,}/gi)];
  const joined = spelled.map(([run]) => run.replace(/ /g, ""));
  const decoded = [text, ...joined].flatMap((one) =>
    [...one.matchAll(/[ab]{6,}/gi)].flatMap(([run]) =>
      [0, 1, 2, 3].map((start) => Buffer.from(run.slice(start), "base64").toString("utf8")),
    ),
  );
  return [text, ...joined, ...decoded].map((one) => one.toUpperCase());
}

function shares(leaf: string, texts: readonly string[]): boolean {
  if (leaf.length < 8) return texts.some((text) => text.includes(leaf));
  const parts = Array.from({ length: leaf.length - 7 }, (_, at) => leaf.slice(at, at + 8));
  return parts.some((part) => texts.some((text) => text.includes(part)));
}
