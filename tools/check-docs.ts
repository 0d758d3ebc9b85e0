/**
 * Type-checks every block of TypeScript in README.md, docs and docstrings against the built package.
 *
 * A block with imports must show all imports that it needs. A block without imports is part of a program: the
 * library's names are imported for it. Other missing names are declared in `docs/surroundings.ts`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Block, blocksOf } from "./docs/blocks.js";
import { importsFor, uses } from "./docs/library-names.js";
import { namesIn, typeOf } from "./docs/surroundings.js";

const PROJECT = join(import.meta.dirname, "..");
/** In the project folder, where "handlevault" resolves to the package itself. */
const FOLDER = join(PROJECT, "reports", "docs");
const FLAGS =
  "--ignoreConfig --noEmit --strict --exactOptionalPropertyTypes --skipLibCheck --target es2023 " +
  "--module nodenext --moduleDetection force --types node";
const IMPORTS = /^(?:import [^;]*;.*\n)+/;

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const blocks = blocksOf(PROJECT);
const names = new Map(blocks.map((block) => [nameOf(block), block]));
for (const [name, block] of names) writeFileSync(join(FOLDER, name), programOf(block));

const tsc = join(dirname(fileURLToPath(import.meta.resolve("typescript/package.json"))), "bin/tsc");
const { status, stdout } = spawnSync(
  process.execPath,
  [tsc, ...FLAGS.split(" "), ...names.keys()],
  { cwd: FOLDER, encoding: "utf8" },
);
process.stdout.write(
  stdout.replaceAll(/^[\w.-]+\.ts(?=\()/gm, (name) => names.get(name)?.file ?? name),
);
console.log(`${blocks.length} blocks of documentation type-checked`);
process.exitCode = status ?? 1;

function nameOf({ file, line }: Block): string {
  return `${file.replaceAll(/[^\w.]/g, "-")}-${line}.ts`;
}

/** Returns a program in which every line of the block has the same line number as in its file. */
function programOf({ file, line, code }: Block): string {
  const [imports = ""] = IMPORTS.exec(code) ?? [];
  const rest = code.slice(imports.length);
  const head = [...(imports === "" ? importsFor(rest, file) : []), ...declarationsFor(rest, file)];
  const start = "export async function example() {";
  const before = `${head.join(" ")}${"\n".repeat(line - 2)}`;
  return imports === ""
    ? `${before}${start}\n${rest}}\n`
    : `${before}\n${imports}${start} ${rest}}\n`;
}

function declarationsFor(code: string, file: string): readonly string[] {
  return namesIn(file)
    .filter((name) => uses(code, name))
    .map((name) => `declare const ${name}: ${typeOf(name, file)};`);
}
