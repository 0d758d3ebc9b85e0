import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveReferences } from "../../../src/transport/xml-rpc/references.js";

const resolved = (text: string) => resolveReferences(text, () => undefined);
const REFUSED = { name: "XmlRpcSyntaxError", reason: "reference" };

/** An XML character, and one of its spellings. */
const spelled = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(0x09, 0x0a, 0x0d, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd),
      fc.constantFrom(0x10000, 0x10ffff),
      fc.integer({ min: 0x20, max: 0xd7ff }),
      fc.integer({ min: 0x10000, max: 0x10ffff }),
    ),
    fc.constantFrom<(code: number) => string>(
      (code) => `&#${code};`,
      (code) => `&#0${code};`,
      (code) => `&#x${code.toString(16)};`,
      (code) => `&#x0${code.toString(16).toUpperCase()};`,
    ),
  )
  .map(([code, spell]) => ({ character: String.fromCodePoint(code), spelling: spell(code) }));

const named = fc.constantFrom(
  ...Object.entries({ amp: "&", lt: "<", gt: ">", apos: "'", quot: '"' }).map(
    ([name, character]) => ({ character, spelling: `&${name};` }),
  ),
);

const plain = fc
  .string({ unit: "grapheme" })
  .map((text) => text.replaceAll("&", ""))
  .map((text) => ({ character: text, spelling: text }));

describe("references", () => {
  it("resolve to their characters in any place, and resolved text is not read again", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(spelled, named, plain)), (pieces) => {
        const text = pieces.map(({ spelling }) => spelling).join("");
        const expected = pieces.map(({ character }) => character).join("");
        expect(resolved(text)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
    expect(resolved("&amp;lt;&#38;#65;")).toBe("&lt;&#65;");
  });

  it("are counted before each is looked at, if they are numeric", () => {
    let count = 0;
    resolveReferences("&amp;&#65;&lt;&#x42;", () => {
      count += 1;
    });
    expect(count).toBe(2);
    const stop = () => {
      throw new Error("stop");
    };
    expect(() => resolveReferences("&#nonsense;", stop)).toThrow("stop");
  });

  it.each([
    ...["&", "&;", "&amp", "&#;", "&#x;", "&#", "&#x", "a&", "& amp;", "&amp ;", "&a&amp;"],
    ...["&AMP;", "&Lt;", "&ampx;", "&xamp;", "&am;", "&l;", "&constructor;", "&\u0000amp;"],
    ...["&#X41;", "&#-1;", "&#+65;", "&#6 5;", "&#65 ;", "&#4A;", "&#xG1;", "&#x4_1;", "&#6.5;"],
    ...["&#0;", "&#1;", "&#8;", "&#11;", "&#31;", "&#xFFFE;", "&#xffff;", "&#x110000;"],
    ...["&#xD800;", "&#xDFFF;", "&#55296;", "&#99999999;", "&#00000000065;", "&é;", "&#é;"],
  ])("such as %j are refused", (text) => {
    expect(() => resolved(text)).toThrow(expect.objectContaining(REFUSED));
  });

  it("of any other kind are refused, whatever is between the ampersand and the semicolon", () => {
    const names = new Set(["amp", "lt", "gt", "apos", "quot"]);
    const others = fc.string({ unit: "binary" }).filter((name) => !names.has(name));
    fc.assert(
      fc.property(others, (name) => {
        const clean = name.toWellFormed().replaceAll(/[;&#]/g, "");
        fc.pre(!names.has(clean));
        expect(() => resolved(`a&${clean};b`)).toThrow(expect.objectContaining(REFUSED));
      }),
      { numRuns: 2000 },
    );
  });
});
