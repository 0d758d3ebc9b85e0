/**
 * Runs tests with other versions of packages than those of the project, and with `--types` checks the
 * types of these tests and of what they import.
 *
 * `tsx tools/with-peers.ts --node PATH --peers FOLDER --peer NAME... TEST...`: the packages `NAME` are
 * taken from the `node_modules` at `FOLDER`, all others from the project's own.
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
  // No global setup: what it compiles serves drills alone.
  writeFileSync(join(copy, "vitest.config.ts"), "export default {};\n");
  const types = { extends: "./tsconfig.json", include: tests };
  writeFileSync(join(copy, "tsconfig.tests.json"), JSON.stringify(types));
  if (values.types) await runNode("typescript/bin/tsc", "-p", "tsconfig.tests.json");
  await runNode("vitest/vitest.mjs", "run", ...tests);
} finally {
  rmSync(copy, { recursive: true });
}

/** Links are followed to where a package lies: there it finds what it depends on itself. */
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
