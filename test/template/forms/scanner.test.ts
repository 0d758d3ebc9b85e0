import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Placeholder,
  PlaceholderScanner,
  type Segment,
} from "../../../src/template/forms/scanner.js";
import { charactersRead } from "../../support/characters-read.js";
import { cutsOf } from "../scene.js";

const ID = "hdl_0123456789abcdef0123456789abcdef";
const MAX = 256;
const OPTIONS = {
  tagNames: ["handle", "kest-handle"],
  maxPlaceholderLength: MAX,
  bareReferences: "inert",
} as const;

function scan(pieces: readonly string[], bareReferences: "inert" | "found" = "inert"): Segment[] {
  const scanner = new PlaceholderScanner({ ...OPTIONS, bareReferences });
  const segments = pieces.flatMap((piece) => scanner.push(piece));
  return [...segments, ...scanner.end().segments];
}

function textOf(segments: readonly Segment[]): string {
  return segments.map((part) => (typeof part === "string" ? part : part.text)).join("");
}

function found(text: string, bareReferences?: "inert" | "found"): string[] {
  return placeholdersIn(scan([text], bareReferences)).map(({ written }) => written);
}

function placeholdersIn(segments: readonly Segment[]): Placeholder[] {
  return segments.filter((part) => typeof part !== "string");
}

/** Texts that are placeholders, almost placeholders, or beginnings of placeholders. */
const fragment = fc.constantFrom(
  `{{${ID}}}`,
  `{{ ${ID}#/a b/0 }}`,
  `{{{${ID}}}}`,
  `<handle id="${ID}" safe_view="a &lt; b"/>`,
  `<kest-handle safe_view='> { }' id='${ID}' />`,
  `<handle id="${ID}">`,
  `<handle id="`,
  `{{hdl_short}}`,
  `handle://${ID}#/x`,
  ID,
  "{",
  "{{",
  `\\{\\{hdl\\_${ID.slice(4)}\\}\\}`,
  `<handle id=“${ID}”></handle>`,
  "\\{",
  "\\",
  "></handle",
  "}}",
  "<",
  "<handle ",
  '"',
  "h",
  "hdl_",
  "\n",
  "é€😀",
);
const anyText = fc
  .array(fc.oneof({ weight: 4, arbitrary: fragment }, fc.string({ maxLength: 5 })), {
    maxLength: 12,
  })
  .map((parts) => parts.join(""));

describe("a placeholder", () => {
  it.each([
    ["in braces", `{{${ID}}}`, ID],
    ["in braces with spaces", `{{ \t${ID} }}`, ID],
    ["with a pointer", `{{${ID}#/a b/0/~1}}`, `${ID}#/a b/0/~1`],
    ["in three braces", `{{{${ID}}}}`, ID],
    ["as a tag", `<handle id="${ID}" safe_view="x"/>`, ID],
    ["as a tag with a pointer", `<handle id="${ID}#/a"/>`, `${ID}#/a`],
    ["as a tag with its attributes in another order", `<handle a="1" id="${ID}"/>`, ID],
    ["as a tag with single quotes", `<handle id='${ID}' safe_view='say "x"' />`, ID],
    ["as a tag with white space anywhere", `<handle\n id = "${ID}"\n\t/>`, ID],
    ["as a tag with > in a value", `<handle safe_view="a > b /> c" id="${ID}"/>`, ID],
    ["as a tag with an escaped id", `<handle id="&#104;dl&#x5f;${ID.slice(4)}"/>`, ID],
    ["as Markdown escapes it", `\\{\\{hdl\\_${ID.slice(4)}\\}\\}`, ID],
    ["as Markdown escapes it, with a pointer", `{{hdl\\_${ID.slice(4)}\\#/a\\_b}}`, `${ID}#/a_b`],
    ["with braces alone escaped", `\\{\\{ ${ID} }}`, ID],
    ["with a backslash in a name where nothing is escaped", `{{${ID}#/a\\_b}}`, `${ID}#/a\\_b`],
    ["behind a backslash", `\\{{${ID}}}`, ID],
    ["behind what an escaped one began with", `\\{\\{hdl {{${ID}}}`, ID],
    ["within a tag that is none, escaped", `<handle a="\\{\\{${ID}\\}\\}">`, ID],
    ["as a tag in smart quotes", `<handle id=“${ID}” safe_view=‘a “b”’/>`, ID],
    ["as a tag in German quotes", `<handle id=„${ID}“ />`, ID],
    ["as a tag in French quotes", `<handle id=«${ID}»/>`, ID],
    ["as a tag closed by another", `<handle id="${ID}" safe_view="x"></handle>`, ID],
    [
      "as a tag closed by another, with white space",
      `<kest-handle id="${ID}">\n</kest-handle >`,
      ID,
    ],
    ["behind a tag without an end tag", `<handle id="${ID}"><handle id="${ID}"/>`, ID],
    ["behind what only began like one", `{{hdl_ <handle {{${ID}}}`, ID],
    ["as a tag behind braces without an end", `{{hdl_ <handle id="${ID}"/>`, ID],
    ["within a tag that is none", `<handle id="{{${ID}}}">`, ID],
    ["behind a tag without an end", `<handle id="abc <handle id="${ID}"/>`, ID],
  ])("is found %s", (_, text, written) => {
    expect(found(text)).toEqual([written]);
    expect(found(`${text}${text} ${text}`)).toEqual([written, written, written]);
  });

  it.each([
    ["a bare id", ID],
    ["a URI", `handle://${ID}`],
    ["a tag without an end", `<handle id="${ID}">`],
    ["a tag with content", `<handle id="${ID}">x</handle>`],
    ["a tag closed by one of another name", `<handle id="${ID}"></kest-handle>`],
    ["a tag with two ids in quotes of two kinds", `<handle id=“${ID}” id="${ID}"/>`],
    ["a tag whose quotes differ in kind", `<handle id=“${ID}"/>`],
    ["braces of which two of each side are apart", `\\{ \\{${ID}\\}\\}`],
    ["a prefix with two backslashes", `{{hdl\\\\_${ID.slice(4)}}}`],
    ["a tag of another name", `<handles id="${ID}"/>`],
    ["a tag whose name is cut short", `<hand id="${ID}"/>`],
    ["a tag without an id", `<handle safe_view="${ID}"/>`],
    ["a tag with two ids", `<handle id="${ID}" id="${ID}"/>`],
    ["a tag with two ids in HTML's reading", `<handle ID="${ID}" id="${ID}"/>`],
    ["a tag with its id in capitals", `<handle ID="${ID}"/>`],
    ["a tag whose id begins otherwise", `<handle id="x${ID}"/>`],
    ["a tag without quotes", `<handle id=${ID}/>`],
    ["braces around another word", `{{total}}`],
    ["braces on two lines", `{{hdl_\n${ID.slice(4)}}}`],
    ["one brace", `{${ID}}`],
    ["braces apart", `{ {${ID}} }`],
  ])("is not %s", (_, text) => {
    expect(found(text)).toEqual([]);
    expect(textOf(scan([text]))).toBe(text);
  });

  it.each([
    ["too short", `{{${ID.slice(0, -1)}}}`],
    ["too long", `{{${ID}0}}`],
    ["in upper case", `{{hdl_${ID.slice(4).toUpperCase()}}}`],
    ["empty", "{{hdl_}}"],
    ["with a pointer that is none", `{{${ID}#total}}`],
    ["with words beside it", `{{${ID} total}}`],
  ])("with an id %s is found as malformed", (_, text) => {
    expect(placeholdersIn(scan([text]))).toMatchObject([{ text, reference: undefined }]);
  });

  it("longer than the limit is plain text", () => {
    const fits = `{{${ID}${" ".repeat(MAX - ID.length - 4)}}}`;
    expect(fits).toHaveLength(MAX);
    expect(found(fits)).toEqual([ID]);
    expect(found(fits.replace("}}", " }}"))).toEqual([]);
  });
});

describe("a bare reference inside a string", () => {
  it.each([
    [`see ${ID}.`, [ID]],
    [`${ID},${ID}`, [ID, ID]],
    [`handle://${ID}#/a/0, then`, [`handle://${ID}#/a/0`]],
    [`(${ID}#/total)`, [`${ID}#/total`]],
    [`x${ID}`, []],
    [`${ID}x`, [`${ID}x`]],
    [`hhandle:/${ID}`, [ID]],
    [`${ID}#total`, [`${ID}#total`]],
    [`${ID}# and`, [`${ID}#`]],
    ["the variable hdl_count", []],
    [`see hdl\\_${ID.slice(4)}.`, [ID]],
    [`(hdl\\_${ID.slice(4)}#/a\\_b)`, [`${ID}#/a_b`]],
  ])("in %s is found with its own end", (text, expected) => {
    expect(found(text, "found")).toEqual(expected);
  });
});

describe("the scanner", () => {
  it("returns every character in order, for any text and division", () => {
    const property = fc.property(anyText, fc.array(fc.nat(200)), (text, cuts) => {
      const places = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length];
      const sorted = places.toSorted((a, b) => a - b);
      const pieces = sorted.map((place, index) => text.slice(sorted[index - 1] ?? 0, place));
      for (const bare of ["inert", "found"] as const) {
        expect(textOf(scan(pieces, bare))).toBe(text);
        expect(placeholdersIn(scan(pieces, bare))).toEqual(placeholdersIn(scan([text], bare)));
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("finds the same placeholders for every division of a text into three chunks", () => {
    const text = `a{{{${ID}}}<handle id='${ID}'/>{{x`;
    const expected = placeholdersIn(scan([text]));
    expect(expected).toHaveLength(2);
    for (const pieces of cutsOf(text, 2)) {
      expect(placeholdersIn(scan(pieces))).toEqual(expected);
      expect(textOf(scan(pieces))).toBe(text);
    }
  });

  it("holds back only text that began like a placeholder, up to the limit", () => {
    const property = fc.property(anyText, (text) => {
      const scanner = new PlaceholderScanner(OPTIONS);
      let emitted = "";
      for (const [index, character] of [...text].entries()) {
        emitted += textOf(scanner.push(character));
        expect(emitted + scanner.held).toBe([...text].slice(0, index + 1).join(""));
        expect(scanner.held.length).toBeLessThanOrEqual(MAX);
        expect(scanner.held).toMatch(/^$|^(\\?\{)?\\?$|^\\?\{\\?\{?[ \t]*(h|$)|^<(h|k|$)/);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("makes one segment of text, however much of it began like a placeholder", () => {
    expect(scan(["{ {{ <handle <ha {{hdl <{ "])).toHaveLength(1);
    expect(scan(["{ <h".repeat(100_000)]).length).toBeLessThanOrEqual(2);
  });

  it("reads no character more than four times, for any text", async () => {
    const parts = ["{", "{{", `{{${ID}`, "<", "<handle ", '<handle a="', "<handle a='", "h", "{{ "];
    parts.push("\\", "\\{", `\\{\\{hdl\\_${ID}`, "<handle a='b'>", "<handle a='b'></");
    for (const part of parts) {
      const pieces = Array.from({ length: Math.ceil(50_000 / part.length) }, () => part);
      const text = pieces.join("");
      const characters = await charactersRead(() => {
        expect(textOf(scan(pieces))).toBe(text);
      });
      expect(characters / text.length, part).toBeGreaterThan(0.5);
      expect(characters / text.length, part).toBeLessThan(4);
    }
  });

  it("finds a bare reference after the start of a tag's name, although both begin alike", () => {
    const options = { ...OPTIONS, tagNames: ["h-handle"], bareReferences: "found" } as const;
    const segments = new PlaceholderScanner(options).push(`<h-${ID} `);
    expect(placeholdersIn(segments).map(({ text }) => text)).toEqual([ID]);
  });

  it("distinguishes a text that ends within a placeholder from a complete one", () => {
    const isIncomplete = (text: string) => {
      const scanner = new PlaceholderScanner(OPTIONS);
      scanner.push(text);
      return scanner.end().isIncomplete;
    };
    const tag = `<handle id="${ID}"/>`;
    for (let length = 1; length < tag.length; length++) {
      expect(isIncomplete(tag.slice(0, length))).toBe(length >= "<handle ".length);
    }
    for (const text of ["{{hdl_", `{{${ID}`, `{{${ID}}`]) {
      expect(isIncomplete(text)).toBe(true);
    }
    for (const text of ["{{hdl\\_", `\\{\\{${ID}\\}`, "\\{\\{hdl_"]) {
      expect(isIncomplete(text)).toBe(true);
    }
    for (const text of [`<handle id="${ID}">`, `<handle id="${ID}"></han`, "\\{\\{hdl"]) {
      expect(isIncomplete(text)).toBe(false);
    }
    for (const text of ["", "{", "{{", "{{hdl", "a <", "<handle", tag, `{{${ID}}}`]) {
      expect(isIncomplete(text)).toBe(false);
    }
  });
});
