import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { TemplateEngine } from "../../src/template.js";
import { charactersRead, expectLinearReading } from "../support/characters-read.js";
import { AS, countingVault, sealed } from "./scene.js";

const { vault, asked } = countingVault();
const engine = new TemplateEngine(vault);
afterAll(() => vault.close());

async function textOf(text: string): Promise<string> {
  return (await engine.hydrate(text, AS)).text;
}

describe("inserted text", () => {
  it("is never searched for placeholders", async () => {
    const secret = await sealed(vault, "secret-canary");
    const corpus = [
      `{{${secret}}}`,
      `<handle id="${secret}"/>`,
      `<kest-handle id='${secret}' safe_view=""/>`,
      "{{",
      "}}",
      "{",
      `{{${secret}`,
      `${secret}}}`,
      "$& $` $' $1 $<name> $$",
      "<script>alert(1)</script>",
      "[x](javascript:alert(1))",
      "\u0000\ud800",
    ];
    for (const payload of corpus) {
      const id = await sealed(vault, { payload: payload.toWellFormed() });
      const here = `{{${id}#/payload}}`;
      for (const [before, after] of [
        ["", ""],
        ["{{", "}}"],
        ["{", "}"],
        ["<handle id='", "'/>"],
      ]) {
        expect(await textOf(`${before}${here}${after}`)).toBe(
          `${before}${payload.toWellFormed()}${after}`,
        );
      }
      expect(await textOf(`${here}${here}`)).not.toContain("canary");
    }
  });

  it("changes nothing outside of its place, for any texts and payloads", async () => {
    const literal = fc.string({ maxLength: 12 }).map((text) => text.replace(/[<{]/g, "."));
    const template = fc.array(fc.tuple(literal, fc.string(), fc.boolean()), { maxLength: 8 });
    const property = fc.asyncProperty(template, async (parts) => {
      const payloads = parts.map(([, payload]) => payload);
      const id = await sealed(vault, payloads);
      const placeholderOf = (index: number, isTag: boolean) =>
        isTag ? `<handle id="${id}#/${index}" safe_view="&lt;"/>` : `{{${id}#/${index}}}`;
      const text = parts.map(([before, , isTag], index) => before + placeholderOf(index, isTag));
      const expected = parts.map(([before, payload]) => before + payload);
      expect(await textOf(text.join(""))).toBe(expected.join(""));
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

describe("10,000 placeholders in a text of 10 MB", () => {
  it("are read once with the text, and their handles are opened once", async () => {
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, data) => sealed(vault, `<${data}>`)),
    );
    const part = (index: number) => `${"lorem { < ".repeat(100)}{{${ids[index % 100]}}}`;
    const text = Array.from({ length: 10_000 }, (_, index) => part(index)).join("");
    expect(text.length).toBeGreaterThan(10_000_000);
    const readingOf = async (share: string) => {
      let hydrated = "";
      const characters = await charactersRead(async () => {
        hydrated = await textOf(share);
      });
      expect(hydrated.match(/<\d+>/g)?.length).toBe(share.match(/\{\{hdl/g)?.length);
      return characters;
    };
    const eighth = text.slice(0, part(0).length * 1250);
    asked.length = 0;
    const [few, all] = [await readingOf(eighth), await readingOf(text)];
    expect(asked.map((ids) => ids.length)).toEqual([100, 100]);
    expect(few).toBeGreaterThan(eighth.length / 2);
    expect(all).toBeLessThan(9 * few);
  });
});

describe("texts and payloads that stall other engines", () => {
  const ID = `hdl_${"a".repeat(32)}`;
  const hostile = [
    "<",
    "&#",
    "[a](",
    "\\",
    '"',
    "`",
    " ",
    " \n",
    "1.",
    "{{hdl_ ",
    '<handle a="" ',
    "\ud800",
  ];
  const formats = ["text", "html", "markdown", "json", "json-string", "json-text"] as const;

  it.each(formats)("are read for %s as often as they are long", async (format) => {
    const rendering = new TemplateEngine(vault, { format });
    const render = (template: string, payload: string) =>
      expect(rendering.render(`"${template}{{${ID}}}"`, new Map([[ID, payload]]))).not.toBe("");
    for (const part of hostile) {
      const repeated = (length: number) => part.repeat(length / part.length);
      await expectLinearReading((length) => render("", repeated(length)));
      await expectLinearReading((length) =>
        render(`${repeated(length).replace(/["\\[(]/g, ".")} `, ""),
      );
    }
  });
});
