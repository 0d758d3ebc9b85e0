/**
 * Counts the words of a private idiom in comments and documents, where the field has plain ones, and fails
 * over 3 in 1,000: `tsx tools/plain-words.ts [--list] [PATH...]`.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const MOST_PER_THOUSAND = 3;
const IDIOM =
  /\b(?:whoever|whom|nobody|somebody|anybody|tells?|telling|told|hears?|heard|anew|meanwhile|by itself|as well|what (?:is|was|are|were|has|have|had)|passengers?|workshop|doorway)\b/gi;
const WORD = /[a-z][a-z'-]*/gi;
const COMMENT = /\/\*.*?\*\/|(?<![:"'`\\])\/\/[^\n]*/gs;
const CODE_BLOCK = /^( *(?:\* )?)```.*?^\1```$/gms;
const ROOTS = ["README.md", "CHANGELOG.md", "docs", "src", "test", "bench", "examples", "tools"];

const args = process.argv.slice(2);
const isListing = args.includes("--list");
const paths = args.filter((argument) => !argument.startsWith("--"));
let words = 0;
let idioms = 0;
for (const file of (paths.length > 0 ? paths : ROOTS).flatMap(filesIn)) {
  const prose = proseOf(file);
  words += prose.match(WORD)?.length ?? 0;
  for (const [idiom] of prose.matchAll(IDIOM)) {
    idioms++;
    if (isListing) console.log(`${file}: ${idiom}`);
  }
}
const perThousand = (1000 * idioms) / Math.max(words, 1);
console.log(`plain words: ${idioms} of ${words} are idiom, ${perThousand.toFixed(1)} per 1,000`);
process.exitCode = perThousand > MOST_PER_THOUSAND ? 1 : 0;

function filesIn(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:ts|md)$/.test(name) && !name.includes("node_modules"))
    .map((name) => join(path, name));
}

function proseOf(file: string): string {
  const text = readFileSync(file, "utf8").replaceAll(CODE_BLOCK, "");
  return file.endsWith(".md") ? text : (text.match(COMMENT) ?? []).join("\n");
}
