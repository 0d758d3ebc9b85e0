import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DefaultTreeAdapterMap, parse } from "parse5";
import { describe, expect, it } from "vitest";

const PROJECT = join(import.meta.dirname, "../..");
type Element = DefaultTreeAdapterMap["element"];

/** Returns every element of a page. */
function elementsOf(node: DefaultTreeAdapterMap["node"]): Element[] {
  const children = "childNodes" in node ? node.childNodes : [];
  const elements = children.flatMap(elementsOf);
  return "tagName" in node ? [node, ...elements] : elements;
}

describe("examples/report", () => {
  it("writes a page with its figures and chart, and with nothing to run or to load", () => {
    const script = ["--import", import.meta.resolve("tsx"), "examples/report/main.ts"];
    const output = execFileSync(process.execPath, script, { cwd: PROJECT, encoding: "utf8" });
    expect(output.match(/✓/g)).toHaveLength(5);
    const [, file = ""] = /The report: (.*)\n/.exec(output) ?? [];
    const page = readFileSync(file, "utf8");
    const elements = elementsOf(parse(page));
    const named = (name: string) => elements.filter(({ tagName }) => tagName === name);
    const heights = named("rect").map(({ attrs }) => attrs.find(({ name }) => name === "height"));
    const figures = [4120, 3310, 4385, 3402, 4710, 3555, 5205, 3843];
    expect(heights.map((height) => Number(height?.value))).toEqual(
      figures.map((figure) => Math.round((figure / 5205) * 200)),
    );
    expect(named("script")).toEqual([]);
    expect(named("handle")).toEqual([]);
    const attributes = elements.flatMap(({ attrs }) => attrs.map(({ name }) => name));
    for (const name of ["src", "href", "onload"]) expect(attributes).not.toContain(name);
    expect(page).toContain("<strong>18420</strong>");
    expect(page).toMatch(/Remuneration: \{\{hdl_[0-9a-f]{32}\}\}/);
    expect(page).not.toContain("412,000");
  });
});
