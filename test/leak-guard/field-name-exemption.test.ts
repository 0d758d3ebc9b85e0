import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HandleVault } from "../../src/index.js";
import { schemaSummarizer } from "../../src/safe-view.js";
import { leakIn } from "./leak-in.js";

describe("field names, to the leak guard,", () => {
  it("are not a leak, nor is a value that equals one", () => {
    const data = {
      birthDate: "1957-03-14",
      label: "birthDate",
      rows: [{ allergies: "allergies" }],
    };
    expect(leakIn(data, "birthDate, label, rows of allergies")).toBeUndefined();
  });

  it("exempt no longer word, and no other value", () => {
    expect(leakIn({ birth: "birthmark1" }, "birthmark1")).toBe("/birth");
    expect(leakIn({ name: "Smithers", label: "name" }, "name: Smithers")).toBe("/name");
  });

  it("exempt no value that is more than one of them", () => {
    const people = { Waylon: 1, Smithers: 1, Anna: 1 };
    expect(leakIn({ people, name: "Waylon Smithers" }, "Waylon Smithers")).toBe("/name");
    expect(leakIn({ people, name: "Waylon Smithers" }, "of Smithers")).toBe("/name");
    expect(leakIn({ people, name: "Anna K" }, "Anna K")).toBe("/name");
    expect(leakIn({ people, name: "waylon" }, "Waylon, Smithers")).toBeUndefined();
    expect(leakIn({ people, name: Buffer.from("Waylon") }, "Waylon")).toBe("/name");
  });

  it("exempt a part of a name only within that name", () => {
    const data = { type: "user", userId: 1 };
    expect(leakIn(data, "object: type, userId")).toBeUndefined();
    expect(leakIn(data, "user: type, userId")).toBe("/type");
    expect(leakIn({ n: 1234, f1234: 1 }, "n, f1234")).toBeUndefined();
    expect(leakIn({ n: 1234, f1234: 1 }, "n, f1234, 1234 rows")).toBe("/n");
  });

  it("exempt nothing in a map of many members, nor names that are data", () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`anna_${n}`, n]));
    expect(leakIn({ many, first: "anna_0" }, "anna_0")).toBe("/many/*");
    expect(leakIn({ "anna k": 1, first: "anna k" }, "anna k")).toBe("/*");
  });

  it("are found in maps, sets and lists", () => {
    const data = [new Set([new Map([["surname", "surname"]])]), new Uint8Array(8)];
    expect(leakIn(data, "surname")).toBeUndefined();
  });

  it("exempt a text that shares a part of a name by chance, or contains a few names", () => {
    const data = { medications: ["x"], customer: 1, note: "renal complications" };
    expect(leakIn(data, "3 fields: medications, customer, note")).toBeUndefined();
    const note = "The customer called twice about the medications she was sent in May.";
    expect(leakIn({ ...data, note }, "3 fields: medications, customer, note")).toBeUndefined();
    const german = "Die Bezahlung der Krankenversicherung wurde für Änne abgelehnt";
    expect(leakIn({ versicherung: 1, german }, "object, versicherung (number)")).toBeUndefined();
  });

  const data = (note: string) => ({ medications: ["x"], date: 1, codes_123: 1, note });
  it.each([
    ["beside the name as well", "medications, no complications", "of renal complications"],
    ["at its end and beyond", "medications after", "renal complications after all"],
    ["beyond a separator", "medications: after", "renal complications: after all"],
    ["before it and at its beginning", "two medications", "of course two medicines"],
    ["before a separator and it", "x. (medications)", "of course, class x. (medicines)"],
    ["around a short one", "new date: 5", "of course a new date: 50"],
    ["in another word", "premedications", "of course premedicated"],
    ["behind another sign", "🍌medications", "of course: 🍌medicated"],
    ["encoded", `medications ${Buffer.from("complications").toString("hex")}`, "no complications"],
    ["with digits", "codes_123", "of course his codes_123 again"],
    ["encoded by it", "YWxsZXJnaWVz", "no known allergies at all"],
  ])("excuse no text that the safe view has %s", (_, view, note) => {
    const named = { ...data(note), YWxsZXJnaWVz: 1 };
    expect(leakIn({ ...named, note: "of course" }, view)).toBeUndefined();
    expect(leakIn(named, view)).toBe("/note");
  });

  it.each([
    ["one after the other", "Waylon Smithers", "Waylon, Smithers"],
    ["in another order", "Waylon Smithers", "Smithers, Waylon"],
    ["run together", "WaylonSmithers", "Smithers, Waylon"],
    ["joined by an underscore", "waylon_smithers", "Smithers, Waylon"],
    ["for the most part", "Smithers, W.", "Smithers, Waylon"],
    ["for the larger half", "Mr B. Smithers Gould", "Smithers"],
    ["for half of it", "Smithers Smithson", "Smithers"],
    ["but for an ending", "Smitherses", "Smithers"],
    ["as parts of longer ones", "WaylonSmithers", "xxWaylonSmi, ylonSmithersx"],
    ["as words of a longer one", "Waylon Smithers", "WaylonSmithers_id"],
    ["with accents", "Wäylön Smíthers", "Waylon, Smithers"],
  ])("exempt no text that they reveal %s", (_, name, view) => {
    const names = ["Waylon", "Smithers", "xxWaylonSmi", "ylonSmithersx", "WaylonSmithers_id"];
    const data = { name, o: Object.fromEntries(names.map((one) => [one, 1])) };
    expect(leakIn(data, `of ${view}.`)).toBe("/name");
  });

  it("exempt no number and no bytes that are more than a name", () => {
    expect(leakIn({ f12345678: 1, a: 123_456_789 }, "f12345678")).toBe("/a");
    expect(leakIn({ f12345678: 1, a: 12_345_678 }, "f12345678")).toBeUndefined();
    const bytes = Buffer.from("IchbinEinGeheimnisUnd", "base64");
    expect(leakIn({ IchbinEinGeheimnisUnd: 1, a: bytes }, "IchbinEinGeheimnisUnd")).toBe("/a");
  });

  it("let a summary name fields that a text mentions", async () => {
    const vault = new HandleVault();
    const data = { medications: ["x"], note: "no complications, and the medications are the same" };
    const options = { ownerPrincipal: "spiffe://example.org/owner" };
    const handle = await vault.seal(data, { ...options, summarizer: schemaSummarizer() });
    expect(handle.safeView).toBe("object, 2 fields, medications (list), note (text)");
  });
});

/** Enough words that field names cannot make up half of them. */
const OTHERS = "zyxwv utsrq ponml kjihg zyxwv utsrq ponml kjihg";
const letters = fc.string({ unit: fc.constantFrom(..."abc"), minLength: 4, maxLength: 12 });
/** Generates field names, a safe view of names, their parts and other words, and a text of the same words. */
const scene = fc
  .uniqueArray(letters, { minLength: 1, maxLength: 4 })
  .chain((names) => {
    const part = fc
      .tuple(fc.constantFrom(...names), fc.nat(12), fc.nat(12))
      .map(([name, from, to]) => name.slice(Math.min(from, to), Math.max(from, to)));
    const between = fc.constantFrom(" ", ", ", " (", "): ", "x", "zyx", "x y", "!");
    const piece = fc.oneof(fc.constantFrom(...names), part, between);
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
    return fc.tuple(fc.constant(names), text, text, fc.nat(40), fc.integer({ min: 8, max: 12 }));
  })
  .chain(([names, view, text, from, length]) => {
    const value = fc.constantFrom(
      text,
      `${OTHERS} ${text}`,
      OTHERS + view.slice(from, from + length),
    );
    return fc.record({ names: fc.constant(names), view: fc.constant(view), value });
  })
  .filter(({ names, value }) => !names.some((name) => name.includes(value)));

/** Returns the ranges of the field names in the safe view, as [start, end]. */
function placesOf(names: readonly string[], view: string): (readonly [number, number])[] {
  return [...view.matchAll(/\w+/g)]
    .filter(([word]) => names.includes(word))
    .map(({ 0: word, index }) => [index, index + word.length] as const);
}

function placesIn(text: string, part: string): number[] {
  return Array.from(text, (_, at) => at).filter((at) => text.startsWith(part, at));
}

/** Returns a text without the parts that a name fragment of at least this length, or a whole name, reveals. */
function untold(text: string, names: readonly string[]): string {
  const isTold = Array.from(text, () => false);
  for (const name of names) {
    const length = Math.min(8, name.length);
    for (let start = 0; start + length <= name.length; start++) {
      const part = name.slice(start, start + length);
      for (const at of placesIn(text, part)) isTold.fill(true, at, at + length);
    }
  }
  return [...text].filter((_, at) => !isTold[at]).join("");
}

describe("a text that field names exempt", () => {
  const isExcused = ({ names, value, view }: { names: string[]; value: string; view: string }) =>
    leakIn({ o: Object.fromEntries(names.map((name) => [name, 1])), value }, view) === undefined;

  it("shares with a safe view only parts of field names", () => {
    fc.assert(
      fc.property(scene.filter(isExcused), ({ names, value, view }) => {
        const length = Math.min(8, value.length);
        if (length < 4) return;
        const shown = placesOf(names, view);
        for (let start = 0; start + length <= value.length; start++) {
          const part = value.slice(start, start + length);
          const before = part.length - part.replace(/^[ ,():]+/, "").length;
          const after = part.length - part.replace(/[ ,():]+$/, "").length;
          for (const at of placesIn(view, part)) {
            const [first, last] = [at + before, at + length - after];
            expect(shown.some(([from, to]) => from <= first && last <= to)).toBe(true);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("is never revealed by names, except parts that are too short for a leaf", () => {
    const telling = scene.filter(
      ({ names, value, view }) =>
        value.length >= 8 && names.some((name) => name.length >= 8 && view.includes(name)),
    );
    fc.assert(
      fc.property(telling, ({ names, value, view }) => {
        const shown = placesOf(names, view).map(([from, to]) => view.slice(from, to));
        const parts = Array.from(value, (_, at) => value.slice(at, at + 8));
        const isSuspect = parts.some((part) => part.length === 8 && view.includes(part));
        if (isSuspect && untold(value, shown).replace(/\W/g, "").length < 4) {
          expect(isExcused({ names, value, view })).toBe(false);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("can be any text whose longest words differ from names in four letters or more", () => {
    const stem = fc.stringMatching(/^[a-z]{4,8}$/);
    const ending = fc.stringMatching(/^[n-t]{8,10}$/);
    fc.assert(
      fc.property(stem, stem, ending, stem, (one, other, shared, word) => {
        fc.pre(!one.endsWith(other.at(-1) ?? "") && !shared.includes(word.slice(0, 4)));
        const data = { [one + shared]: 1, value: `${word}, ${other}${shared}` };
        expect(leakIn(data, `2 things: ${one}${shared}`)).toBeUndefined();
      }),
    );
  });
});
