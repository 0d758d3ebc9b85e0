/**
 * Runs the recipes of `examples/recipes` with the packed library, and compares what they print with the
 * `expected.txt` of each.
 *
 * `tsx tools/recipes.ts [--node22 PATH] [--modules FOLDER]... [NAME]...`: packages that a recipe names come from the
 * project's own `node_modules`, or from those of the folders, if they have the major version that the recipe asks
 * for. A recipe whose packages are nowhere is reported, and fails the run. `--node22` is the Node for packages that do
 * not run on the oldest one.
 */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { inBatches } from "../test/support/in-batches.js";
import { installPacked } from "./packed.js";

const PROJECT = join(import.meta.dirname, "..");
const RECIPES = join(PROJECT, "examples/recipes");
const LIMIT_MS = 30_000;
const AT_ONCE = 3;
/** Recipes with packages that need Node 22. */
const NEWER: ReadonlySet<string> = new Set(["ai-sdk-7"]);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    node22: { type: "string", default: process.execPath },
    modules: { type: "string", multiple: true, default: [] },
  },
});
const modules = [join(PROJECT, "node_modules"), ...values.modules];
const names = positionals.length > 0 ? positionals : readdirSync(RECIPES);
const folder = mkdtempSync(join(tmpdir(), "handlevault-recipes-"));
const failures: string[] = [];

try {
  installPacked(folder);
  await inBatches(names.length, AT_ONCE, (index) => check(names[index] ?? ""));
} finally {
  rmSync(folder, { recursive: true });
}
if (failures.length > 0) {
  console.error(`failed: ${failures.join(", ")}`);
  process.exitCode = 1;
}

async function check(name: string): Promise<void> {
  const place = join(folder, name);
  cpSync(join(RECIPES, name), place, { recursive: true });
  const problem = install(name, place) ?? (await run(name, place));
  console.log(problem === undefined ? `${name}: as expected` : `${name}: ${problem}`);
  if (problem !== undefined) failures.push(name);
}

/** Links the packages of a recipe. Returns what is missing. */
function install(name: string, place: string): string | undefined {
  const { dependencies } = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const target = join(place, "node_modules");
  mkdirSync(join(target, ".bin"), { recursive: true });
  cpSync(join(folder, "node_modules/handlevault"), join(target, "handlevault"), {
    recursive: true,
  });
  link(join(target, "handlevault/dist/cli/main.js"), join(target, ".bin/handlevault"));
  for (const [dependency, range] of Object.entries(dependencies)) {
    if (dependency === "handlevault") continue;
    const source = modules.find((each) => satisfies(join(each, dependency), range));
    if (source === undefined) return `${dependency}@${range} is not installed`;
    link(join(source, dependency), join(target, dependency));
    const program = join(source, ".bin", dependency);
    if (existsSync(program)) link(program, join(target, ".bin", dependency));
  }
  return name === "" ? "has no name" : undefined;
}

function link(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(source, target);
}

/** Returns whether a package is there, in the major version that a range asks for. */
function satisfies(path: string, range: string): boolean {
  if (!existsSync(join(path, "package.json"))) return false;
  const { version } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
  const major = /^\^(\d+)\./.exec(range)?.[1];
  return major === undefined || String(version).startsWith(`${major}.`);
}

/** Runs a recipe. Returns how its output differs from what is expected. */
async function run(name: string, place: string): Promise<string | undefined> {
  const node = dirname(NEWER.has(name) ? values.node22 : process.execPath);
  const path = [join(place, "node_modules/.bin"), node, process.env["PATH"]].join(delimiter);
  const child = spawn("npm", ["start", "--silent"], {
    cwd: place,
    env: { ...process.env, PATH: path, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that the limit ends the programs that a recipe starts, too.
    detached: true,
  });
  const timer = setTimeout(() => process.kill(-(child.pid ?? 0), "SIGKILL"), LIMIT_MS);
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const status = await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  const expected = readFileSync(join(place, "expected.txt"), "utf8");
  if (status === 0 && output === expected) return undefined;
  return `ended with ${status} and printed\n${output}${errors.slice(-3000)}`;
}
