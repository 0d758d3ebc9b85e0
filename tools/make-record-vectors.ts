/**
 * Writes the golden vectors of record format 1: `valid.json` and `must-fail.json` in
 * `test/vectors/record-v1`. Golden means written once: it refuses to overwrite without `--force`.
 *
 *     npx tsx tools/make-record-vectors.ts [--force]
 */
import { existsSync, writeFileSync } from "node:fs";
import { mutationsOf } from "./record-vectors/mutations.js";
import { RECIPES } from "./record-vectors/recipes.js";
import { capture, type Vector } from "./record-vectors/vector.js";

const FOLDER = new URL("../test/vectors/record-v1/", import.meta.url);
const VALID = new URL("valid.json", FOLDER);
const MUST_FAIL = new URL("must-fail.json", FOLDER);

if (!process.argv.includes("--force") && (existsSync(VALID) || existsSync(MUST_FAIL))) {
  process.stderr.write(
    "The vectors exist and never change within a version; --force overwrites.\n",
  );
  process.exit(1);
}

const vectors = new Map<string, Vector>();
for (const recipe of RECIPES) {
  if (vectors.has(recipe.name)) throw new Error(`two vectors are called ${recipe.name}`);
  vectors.set(recipe.name, await capture(recipe));
}
const mutations = await mutationsOf(vectors);
writeLines(VALID, "vectors", [...vectors.values()]);
writeLines(MUST_FAIL, "cases", mutations);
process.stdout.write(`${vectors.size} valid, ${mutations.length} must fail\n`);

/** Writes one item per line, so that a diff shows which items changed. */
function writeLines(file: URL, member: string, items: readonly object[]): void {
  const lines = items.map((item) => JSON.stringify(item)).join(",\n");
  writeFileSync(
    file,
    `{"format":"handlevault sealed record","version":1,"${member}":[\n${lines}\n]}\n`,
  );
}
