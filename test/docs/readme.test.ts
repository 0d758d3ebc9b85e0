import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const PROJECT = join(import.meta.dirname, "../..");
const readme = readFileSync(join(PROJECT, "README.md"), "utf8");
const entryPoints = readFileSync(join(PROJECT, "docs/entry-points.md"), "utf8");
const manifest = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));

/** Every code block, with the output block that follows it. */
const snippets = [...readme.matchAll(/```ts\n(.*?)```(?:\n\n```text\n(.*?)```)?/gs)].map(
  ([, code = "", output = ""], index) => ({ number: index + 1, code, output }),
);

describe("README.md", () => {
  it("has snippets to run, each with its output", () => {
    expect(snippets).toHaveLength(3);
    for (const { output } of snippets) expect(output).not.toBe("");
  });

  it.each(snippets)("snippet $number prints what it says", ({ number, code, output }) => {
    // In the project folder, where "handlevault" resolves to the package itself.
    const file = join(PROJECT, "reports", "readme", `snippet-${number}.mjs`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
    expect(execFileSync(process.execPath, [file], { encoding: "utf8" })).toBe(output);
  });

  it("names only scripts and files that exist", () => {
    for (const [, script = ""] of readme.matchAll(/npm run ([\w:]+)/g)) {
      expect(Object.keys(manifest.scripts)).toContain(script);
    }
    for (const [, link = ""] of readme.matchAll(/\]\((?!http)([^)]+)\)/g)) {
      expect(existsSync(join(PROJECT, link)), link).toBe(true);
    }
  });

  it("has at most 200 lines", () => {
    expect(readme.split("\n").length).toBeLessThanOrEqual(200);
  });
});

describe("docs/entry-points.md", () => {
  it("names every entry, and only those that exist", () => {
    const named = [...entryPoints.matchAll(/`handlevault\/([\w/-]+)`/g)].map(
      ([, entry]) => `./${entry}`,
    );
    const others = new Set([".", "./package.json"]);
    const entries = Object.keys(manifest.exports).filter((entry) => !others.has(entry));
    expect([...new Set(named)].toSorted()).toEqual(entries.toSorted());
  });

  it("names every peer", () => {
    for (const peer of Object.keys(manifest.peerDependencies)) {
      expect(entryPoints).toContain(`\`${peer}\``);
    }
  });

  it("links only to pages that exist", () => {
    for (const [, link = ""] of entryPoints.matchAll(/\]\((?!http)([^)]+)\)/g)) {
      expect(existsSync(join(PROJECT, "docs", link)), link).toBe(true);
    }
  });
});
