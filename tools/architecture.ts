/**
 * Draws the folders of `src` and their imports into docs/architecture.md, or compares with `--check`. Also
 * checks that the page names every folder, and no file that does not exist.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { importsIn } from "./imports.js";

const ROOT = join(import.meta.dirname, "..");
const PAGE = join(ROOT, "docs", "architecture.md");
const PICTURE = /(<!-- picture -->\n).*?(<!-- \/picture -->)/s;
/** The name in the picture for the files directly in `src`, which are the entry points. */
const DOORS = "entry points";

const arrows = new Map<string, Set<string>>();
for (const file of readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })) {
  if (!file.endsWith(".ts")) continue;
  const from = roomOf(file);
  const targets = arrows.get(from) ?? new Set();
  arrows.set(from, targets);
  const source = readFileSync(join(ROOT, "src", file), "utf8");
  for (const path of importsIn(source).filter((name) => name.startsWith("."))) {
    const to = roomOf(posix.join(posix.dirname(file), path));
    if (to !== from && to !== DOORS) targets.add(to);
  }
}

const rooms = [...arrows.keys()].toSorted();
const page = readFileSync(PAGE, "utf8");
const drawn = page.replace(PICTURE, (_, start: string, end: string) => start + picture() + end);
const problems = [
  ...rooms
    .filter((room) => room !== DOORS && !page.includes(`| \`${room}/\` |`))
    .map((room) => `no row for the room ${room}`),
  ...[...page.matchAll(/`((?:src|test|tools|docs)\/[\w./-]+\.\w+)`/g)]
    .filter(([, file = ""]) => !existsSync(join(ROOT, file)))
    .map(([, file]) => `no file ${file}`),
];
if (process.argv.includes("--check")) {
  if (drawn !== page)
    problems.push("the picture is not that of the imports: run tools/architecture.ts");
} else writeFileSync(PAGE, drawn);
for (const problem of problems) console.error(`${relative(ROOT, PAGE)}: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;

function roomOf(file: string): string {
  return file.includes("/") ? (file.split("/", 1)[0] ?? "") : DOORS;
}

/** Draws the imports, except those that a path through other folders implies. */
function picture(): string {
  const lines = rooms.flatMap((from) =>
    [...(arrows.get(from) ?? [])]
      .filter((to) => ![...(arrows.get(from) ?? [])].some((over) => over !== to && leads(over, to)))
      .toSorted()
      .map((to) => `  ${node(from)} --> ${node(to)}`),
  );
  return ["```mermaid", "flowchart TD", ...lines, "```", ""].join("\n");
}

function leads(from: string, to: string, seen = new Set<string>()): boolean {
  if (seen.has(from)) return false;
  seen.add(from);
  const targets = arrows.get(from) ?? new Set<string>();
  return targets.has(to) || [...targets].some((over) => leads(over, to, seen));
}

function node(room: string): string {
  return `${room.replaceAll(/\W/g, "_")}["${room}"]`;
}
