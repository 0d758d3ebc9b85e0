import fc from "fast-check";
import { parseFragment } from "parse5";
import { describe, expect, it } from "vitest";
import {
  escapeAttribute,
  escapeMarkup,
  unescapeMarkup,
} from "../../../src/template/forms/markup.js";
import { TemplateEngine, toTag } from "../../../src/template.js";
import { vaultWithClock } from "../../support/vault.js";

const engine = new TemplateEngine(vaultWithClock().vault);

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom(..."&<>\"'{}#;x", "amp", "&lt;", "&#65;", "\0", "\u2028"))
    .map((parts) => parts.join("")),
);

describe("escapes in markup", () => {
  it("are reversed by a parser, for every text", () => {
    const property = fc.property(anyText, (text) => {
      expect(unescapeMarkup(escapeMarkup(text))).toBe(text);
      expect(unescapeMarkup(escapeAttribute(text))).toBe(text);
      expect(escapeAttribute(text)).not.toMatch(/[<>"'{\p{Cc}\u2028\u2029]/u);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it.each([
    ["&amp;&lt;&gt;&quot;&apos;", "&<>\"'"],
    ["&#104;&#x68;&#X68;", "hhh"],
    ["&#x1F600;", "😀"],
    ["&nbsp; &#1114112; &#xffffff; &#; &amp", "&nbsp; &#1114112; &#xffffff; &#; &amp"],
    ["&amp;lt;", "&lt;"],
  ])("%s read as %s", (escaped, text) => {
    expect(unescapeMarkup(escaped)).toBe(text);
  });
});

describe("toTag", () => {
  it("keeps any safe view within its attribute, for this engine and for HTML", () => {
    const handle = { id: `hdl_${"a".repeat(32)}`, safeView: "" };
    const property = fc.property(anyText, anyText, anyText, (before, safeView, after) => {
      const tag = toTag({ ...handle, safeView });
      const surroundings = [before, after].map((text) => text.replace(/[<{]/g, "."));
      const found = engine.parse(surroundings.join(tag));
      expect(found.map(({ text, written }) => [text, written])).toEqual([[tag, handle.id]]);
      expect(engine.render(surroundings.join(tag), new Map([[handle.id, "Ada"]]))).toBe(
        surroundings.join("Ada"),
      );
      const [element, ...others] = parseFragment(tag).childNodes;
      if (element === undefined || !("attrs" in element)) throw new Error("no element");
      expect([others, element.childNodes]).toEqual([[], []]);
      expect(element.attrs.map(({ name }) => name)).toEqual(["id", "safe_view"]);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("accepts only valid tag names", () => {
    const handle = { id: "hdl_x", safeView: "" };
    for (const tagName of ["", "a b", "1a", "a>", "x".repeat(65)]) {
      expect(() => toTag(handle, { tagName })).toThrow(RangeError);
    }
    expect(() => toTag(handle, { tagName: 1 as unknown as string })).toThrow(TypeError);
  });
});
