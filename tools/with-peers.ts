/**
 * Runs tests with other versions of packages than the project's own. With `--types` it checks the types of
 * these tests and of their imports.
 *
 * `tsx tools/with-peers.ts --node PATH --peers FOLDER --peer NAME... TEST...`: takes the packages `NAME` from
 * the `node_modules` at `FOLDER`, and all others from the project's own.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { run } from "./run.js";

const PROJECT = join(import.meta.dirname, "..");
const { values, positionals: tests } = parseArgs({
  allowPositionals: true,
  options: {
    node: { type: "string", default: process.execPath },
    peers: { type: "string", default: "" },
    peer: { type: "string", multiple: true, default: [] },
    types: { type: "boolean", default: false },
  },
});
const copy = mkdtempSync(join(tmpdir(), "handlevault-with-peers-"));

try {
  for (const part of ["src", "test", "package.json", "tsconfig.json"]) {
    cpSync(join(PROJECT, part), join(copy, part), { recursive: true });
  }
  linkModules();
  // No global setup: only drills use the programs that it compiles.
  writeFileSync(join(copy, "vitest.config.ts"), "export default {};\n");
  const types = { extends: "./tsconfig.json", include: tests };
  writeFileSync(join(copy, "tsconfig.tests.json"), JSON.stringify(types));
  if (values.types) await runNode("typescript/bin/tsc", "-p", "tsconfig.tests.json");
  await runNode("vitest/vitest.mjs", "run", ...tests);
} finally {
  rmSync(copy, { recursive: true });
}

/** Resolves links to the real folder of a package, so that the package finds its own dependencies there. */
function linkModules(): void {
  const own = join(PROJECT, "node_modules");
  for (const name of readdirSync(own).flatMap((entry) => packagesOf(own, entry))) {
    const target = join(values.peer.includes(name) ? resolve(values.peers) : own, name);
    const link = join(copy, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
    if (!target.startsWith(own)) console.log(`${name} ${versionIn(target)}`);
  }
}

function versionIn(folder: string): string {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
}

function packagesOf(folder: string, entry: string): readonly string[] {
  if (entry.startsWith(".")) return [];
  return entry.startsWith("@")
    ? readdirSync(join(folder, entry)).map((name) => `${entry}/${name}`)
    : [entry];
}

function runNode(program: string, ...args: readonly string[]): Promise<void> {
  return run([values.node, join(copy, "node_modules", program), ...args], { cwd: copy });
}
