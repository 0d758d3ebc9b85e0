/**
 * Tries the packed package as its users will: runs every example against it, type-checks a program
 * that imports every entry without skipping the library's own declarations, and runs the smoke test.
 *
 * `tsx tools/check-package.ts [--node PATH]... [--typescript FOLDER]...` does the last two on other
 * Nodes and with other compilers as well; `--peers FOLDER` runs the quickstart on every cache with the
 * first of these Nodes and the peers in that `node_modules`.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installPacked } from "./packed.js";

const PROJECT = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    node: { type: "string", multiple: true, default: [] },
    typescript: { type: "string", multiple: true, default: [] },
    peers: { type: "string" },
  },
});
const CACHES = ["sqlite", "lmdb", "redis", "valkey"];
const WIRES = ["http", "json-rpc", "xml-rpc"];
const WIRE_PEERS = ["zod", "hono"];
const CACHE_PEERS = ["better-sqlite3", "lmdb", "ioredis", "iovalkey"];
const directory = mkdtempSync(join(tmpdir(), "handlevault-package-"));

try {
  installPacked(directory);
  runExamples();
  runOnEveryCache(join(PROJECT, "node_modules"), [process.execPath]);
  if (values.peers !== undefined) runOnEveryCache(values.peers, values.node.slice(0, 1));
  writeConsumer();
  const ownTypescript = dirname(fileURLToPath(import.meta.resolve("typescript/package.json")));
  for (const compiler of [ownTypescript, ...values.typescript]) checkTypes(compiler);
  cpSync(join(import.meta.dirname, "smoke.mjs"), join(directory, "smoke.mjs"));
  for (const node of [process.execPath, ...values.node]) run(node, ["smoke.mjs"]);
} finally {
  rmSync(directory, { recursive: true });
}

function runExamples(): void {
  cpSync(join(PROJECT, "examples"), join(directory, "examples"), { recursive: true });
  const tsx = import.meta.resolve("tsx");
  for (const name of readdirSync(join(directory, "examples"))) {
    if (!name.endsWith(".ts")) continue;
    console.log(`example ${name}`);
    run(process.execPath, ["--import", tsx, join("examples", name)]);
  }
}

/** Runs the quickstart over every wire and on every cache that needs a peer; its server must be installed. */
function runOnEveryCache(peers: string, nodes: readonly string[]): void {
  const place = mkdtempSync(join(tmpdir(), "handlevault-caches-"));
  try {
    installPacked(place);
    cpSync(join(PROJECT, "examples"), join(place, "examples"), { recursive: true });
    for (const peer of CACHE_PEERS) {
      symlinkSync(join(peers, peer), join(place, "node_modules", peer));
    }
    for (const peer of WIRE_PEERS) {
      symlinkSync(join(PROJECT, "node_modules", peer), join(place, "node_modules", peer));
    }
    const settings = [
      ...CACHES.map((cache) => ["--cache", cache]),
      ...WIRES.map((wire) => ["--remote", wire]),
    ];
    for (const node of nodes) {
      for (const setting of settings) runQuickstart(place, node, setting);
    }
  } finally {
    rmSync(place, { recursive: true });
  }
}

function runQuickstart(place: string, node: string, setting: readonly string[]): void {
  console.log(`quickstart ${setting.join(" ")}, with ${node}`);
  const script = ["--import", import.meta.resolve("tsx"), "examples/quickstart.ts", ...setting];
  execFileSync(node, script, { cwd: place, stdio: ["ignore", "ignore", "inherit"] });
}

/** Writes strict programs: one imports every entry, the others are the README's own snippets. */
function writeConsumer(): void {
  const { exports } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  const entries = Object.keys(exports).filter((entry) => entry !== "./package.json");
  const imports = entries.map((entry, index) => {
    const name = join("handlevault", entry);
    return `import * as entry${index} from "${name}";\nconsole.log(entry${index});`;
  });
  writeFileSync(join(directory, "consumer.ts"), imports.join("\n"));
  const readme = readFileSync(join(PROJECT, "README.md"), "utf8");
  for (const [index, [, code = ""]] of [...readme.matchAll(/```ts\n(.*?)```/gs)].entries()) {
    writeFileSync(join(directory, `readme-${index + 1}.ts`), code);
  }
  // The routes for web applications are Hono's, and so are their types.
  for (const name of ["@types", "undici-types", "hono"]) {
    symlinkSync(join(PROJECT, "node_modules", name), join(directory, "node_modules", name));
  }
}

function checkTypes(typescript: string): void {
  const { version } = JSON.parse(readFileSync(join(typescript, "package.json"), "utf8"));
  console.log(`types of every entry, with TypeScript ${version} and without skipLibCheck`);
  const programs = readdirSync(directory).filter((name) => name.endsWith(".ts"));
  const flags = "--noEmit --strict --exactOptionalPropertyTypes --target es2022 --module nodenext";
  const args = [join(typescript, "bin/tsc"), ...flags.split(" "), "--types", "node", ...programs];
  run(process.execPath, args);
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { cwd: directory, stdio: ["ignore", "inherit", "inherit"] });
}
