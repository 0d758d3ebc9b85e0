/** Sorts the test files by what they need besides the sources: child processes, or the build. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { importsIn } from "./imports.js";

const ROOT = join(import.meta.dirname, "..");
const DRILLS = "test/drills/";
const STARTS_PROCESSES = /^node:child_process$/;

/** The vitest projects by name, each with its test files. */
export interface TestProjects {
  /** Tests that need only the sources. The tests of a folder run in seconds. */
  readonly unit: readonly string[];
  /** Tests that start servers and programs, or read the build. */
  readonly servers: readonly string[];
  /** Tests that kill, stall and fill the processes they start. They take minutes. */
  readonly drills: readonly string[];
}

/**
 * Returns the test files by project. The imports of a file decide, so no list of names has to be maintained.
 */
export function testProjects(): TestProjects {
  const files = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `test/${name.replaceAll("\\", "/")}`)
    .sort();
  const drills = files.filter((file) => file.startsWith(DRILLS));
  const others = files.filter((file) => !file.startsWith(DRILLS));
  const servers = others.filter((name) => {
    const file = join(ROOT, name);
    return startsProcesses(file) || readsBuild(file);
  });
  return { unit: others.filter((file) => !servers.includes(file)), servers, drills };
}

function startsProcesses(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file)) return false;
  seen.add(file);
  return importsOf(file).some((name) => {
    if (STARTS_PROCESSES.test(name)) return true;
    const imported = moduleFile(file, name);
    return imported !== undefined && startsProcesses(imported, seen);
  });
}

function readsBuild(file: string): boolean {
  return readFileSync(file, "utf8").includes('"dist"');
}

const known = new Map<string, readonly string[]>();

function importsOf(file: string): readonly string[] {
  const names = known.get(file) ?? importsIn(readFileSync(file, "utf8"));
  known.set(file, names);
  return names;
}

/** Returns the source file of a module of this project; `undefined` for a package. */
function moduleFile(from: string, name: string): string | undefined {
  if (!name.startsWith(".")) return undefined;
  const file = resolve(dirname(from), name).replace(/\.js$/, ".ts");
  return existsSync(file) && !relative(ROOT, file).startsWith("..") ? file : undefined;
}
