import fc from "fast-check";
import { marked } from "marked";
import { type DefaultTreeAdapterMap, parseFragment } from "parse5";
import { describe, expect, it } from "vitest";
import { type OutputFormat, TemplateEngine } from "../../../src/template.js";
import { vaultWithClock } from "../../support/vault.js";

const { vault } = vaultWithClock();
const ID = `hdl_${"a".repeat(32)}`;
const HERE = `{{${ID}}}`;

function rendered(format: OutputFormat, template: string, payload: unknown): string {
  return new TemplateEngine(vault, { format }).render(template, new Map([[ID, payload]]));
}

/** Texts that would be markup if they were not escaped. */
const hostile = fc.oneof(
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        ..."<>&\"'`*_~[]()!#|:\\/-+=.@{}$^ \n\r\t1aé",
        "\n\n",
        "    ",
        "<b>",
        "<!--",
        "-->",
        "](http://x)",
        "![i](y)",
        "&amp;",
        "&#10;",
        "```",
        "---",
        "1. ",
        "<script>",
        '" onload="x',
        "http://a.b",
        "www.a.b",
        "a@b.cd",
        "x",
        "7",
        "\u00a0",
        "\u2003",
        "\u3000",
        "\ufeff",
        "\u201c",
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join("")),
);
type Node = DefaultTreeAdapterMap["childNode"];

/** Returns the structure of HTML: its elements and attributes, without text. */
function shapeOf(nodes: readonly Node[]): unknown[] {
  return nodes.flatMap((node) => {
    if (node.nodeName === "#text") return [];
    if (!("attrs" in node)) return [node.nodeName];
    return [[node.nodeName, node.attrs.map(({ name }) => name), shapeOf(node.childNodes)]];
  });
}

function textOf(nodes: readonly Node[]): string {
  return nodes
    .map((node) =>
      "value" in node ? node.value : "childNodes" in node ? textOf(node.childNodes) : "",
    )
    .join("");
}

describe("html", () => {
  const template = `<p title="${HERE}" lang='${HERE}'>${HERE}</p>`;

  it("lets inserted text form neither tag, attribute, comment nor character", () => {
    const property = fc.property(hostile, (payload) => {
      const [element] = parseFragment(rendered("html", template, payload)).childNodes;
      if (element === undefined || !("attrs" in element)) throw new Error("no element");
      // HTML cannot represent NUL, and normalises line ends.
      const readable = payload.replaceAll("\0", "").replace(/\r\n?/g, "\n");
      expect(shapeOf([element])).toEqual([["p", ["title", "lang"], []]]);
      expect(textOf(element.childNodes)).toBe(readable);
      if (payload.includes("\0")) return;
      expect(element.attrs.map(({ value }) => value)).toEqual([readable, readable]);
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe("markdown", () => {
  const templates = [
    HERE,
    `${HERE}\n\nnext`,
    `before ${HERE} after`,
    `# Title ${HERE}`,
    `- item\n- ${HERE}`,
    `| a | b |\n| --- | --- |\n| ${HERE} | c |`,
    `*${HERE}*`,
    `[link](<#top> "${HERE}")`,
    `> ${HERE}`,
    `text\n${HERE}\nmore`,
    `${HERE}. text`,
    `1${HERE}) text`,
    `- [${HERE}] text`,
    `**${HERE}**, _${HERE}_ and (~~${HERE}~~)`,
    `*${HERE} text*`,
    `[link](https://example.org/${HERE})`,
  ];

  it.each(templates)("in %j lets inserted text form no markup of any kind", (template) => {
    const parse = (payload: string) =>
      parseFragment(marked.parse(rendered("markdown", template, payload), { async: false }))
        .childNodes;
    const expected = shapeOf(parse("word"));
    const property = fc.property(hostile, (payload) => {
      if (payload.trim() === "" || /[\0\p{Cc}]/u.test(payload.replace(/[\n\r\t]/g, ""))) return;
      expect(shapeOf(parse(payload))).toEqual(expected);
    });
    const examples: [string][] = [["7"], ["x"], ["X"], ["\u00a0word"], ["word\u3000"], ["(word)"]];
    fc.assert(property, { numRuns: 300, examples });
  });

  it("renders as the inserted text, including spaces and line breaks", () => {
    const payload = "  1. a\n\n# b | c `d` <e> [f](g) 12,345.67 -1 2026-11-26 x-y é";
    const html = marked.parse(rendered("markdown", `|${HERE}|`, payload), { async: false });
    expect(textOf(parseFragment(html).childNodes).trim()).toBe(`|${payload}|`);
  });

  it("changes no markup around a separate word", () => {
    const before = fc.constantFrom("", "a ", "a\n", "(", "b (", "> ", "- ", "1. ");
    const emphasis = fc.constantFrom("", "*", "**", "_", "__", "~~");
    const after = fc.constantFrom(
      "",
      " b",
      "\nb",
      ")",
      ") b",
      ". b",
      ", b",
      "; b",
      ": b",
      "! b",
      "? b",
    );
    const word = fc.tuple(before, emphasis, after);
    const property = fc.property(word, hostile, ([front, marks, back], payload) => {
      if (payload.trim() === "" || /\p{Cc}/u.test(payload.replace(/[\n\r\t]/g, ""))) return;
      const template = `${front}${marks}${HERE}${marks}${back}`;
      const shape = (inserted: string) =>
        shapeOf(
          parseFragment(marked.parse(rendered("markdown", template, inserted), { async: false }))
            .childNodes,
        );
      expect(shape(payload)).toEqual(shape("word"));
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it.each([
    `[a](${HERE})`,
    `[a](<${HERE}>)`,
    `[a](\n  ${HERE} "title")`,
    `![a](java${HERE})`,
    `[a](&Tab;${HERE})`,
    `[a]: ${HERE}`,
    `<${HERE}>`,
    `</${HERE}>`,
    `[a](${HERE}${HERE})`,
    `[a]${HERE}(${HERE})`,
  ])("in %j is not inserted: it would choose what a link or a tag does", (template) => {
    for (const payload of ["javascript:alert(1)", "script:x", "b", ""]) {
      const insert = () => rendered("markdown", template, payload);
      expect(insert).toThrow(expect.objectContaining({ reason: "unresolved-handles" }));
    }
  });

  it.each([
    `[a](/b/${HERE})`,
    `[a](b) ${HERE}`,
    `[a](<mailto:${HERE}>)`,
    `1 < ${HERE}`,
    `a] (${HERE})`,
    `<b>${HERE}</b>`,
  ])("in %j is inserted", (template) => {
    expect(rendered("markdown", template, "word")).toBe(template.replace(HERE, "word"));
  });

  it("leaves words, numbers and dates unchanged", () => {
    const payload = "Revenue 12,345.67 on 2026-11-26, é";
    expect(rendered("markdown", HERE, payload)).toBe(payload);
  });
});

describe("json", () => {
  const anyJson = fc.jsonValue().filter((value) => !Object.is(value, -0));

  it("renders any payload as a JSON value that is also safe in a script", () => {
    const property = fc.property(fc.oneof(anyJson, hostile), (payload) => {
      const json = rendered("json", `{"a": ${HERE}, "b": [${HERE}]}`, payload);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ a: payload, b: [payload] })));
      expect(json).not.toMatch(/[<>&\u2028\u2029]/);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("json-string stays within the quotes of a string", () => {
    const property = fc.property(hostile, (payload) => {
      const json = rendered("json-string", `{"a": "<${HERE}>", "b": 1}`, payload);
      expect(JSON.parse(json)).toEqual({ a: `<${payload}>`, b: 1 });
    });
    fc.assert(property, { numRuns: 300 });
    expect(JSON.parse(rendered("json-string", `"${HERE}"`, { a: '"' }))).toBe('{"a":"\\""}');
  });

  it("json-text changes only string values, and keeps the structure of the data", () => {
    const template = `{"a\\"": ["${HERE}", {"b": "x${HERE}", "c": 1}, "${HERE}"], "d": "\\\\${HERE}"}`;
    const property = fc.property(hostile, (payload) => {
      expect(JSON.parse(rendered("json-text", template, payload))).toEqual({
        'a"': [payload, { b: `x${payload}`, c: 1 }, payload],
        d: `\\${payload}`,
      });
    });
    fc.assert(property, { numRuns: 300 });
    expect(rendered("json-text", `"${HERE}"`, "7")).toBe('"7"');
  });

  it.each([
    `{"ids": [${HERE}]}`,
    `{"${HERE}": 1}`,
    `{"a": [], "${HERE}": 1}`,
    `{"a": {"b": 1}, "x${HERE}": 1}`,
    `[{"${HERE}": 1}]`,
    HERE,
    `"a" ${HERE}`,
    `"\\${HERE}"`,
    `{"a": "{{${ID}#/"b}}"}`,
    `${"[".repeat(257)}"${HERE}"`,
  ])("json-text inserts nothing in %j: it would be structure or a name", (template) => {
    const insert = () => rendered("json-text", template, { '"b': 1 });
    expect(insert).toThrow(expect.objectContaining({ reason: "unresolved-handles" }));
  });
});
