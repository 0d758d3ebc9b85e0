/**
 * Tests the packed package as its users would: runs every example against it, type-checks a program that
 * imports every entry with the library's declarations included, and runs the smoke test.
 *
 * `tsx tools/check-package.ts [--node PATH]... [--typescript FOLDER]...` also does the last two with other
 * versions of Node and of the compiler. `--peers FOLDER` runs the quickstart on every cache and wire, and the
 * smoke test of services, with the first of these Nodes and the peers in that `node_modules`.
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
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { inBatches } from "../test/support/in-batches.js";
import { importsOfEveryEntry, installPacked } from "./packed.js";
import { run } from "./run.js";

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
const QUICKSTART_PEERS = [
  ...["better-sqlite3", "fs-native-extensions", "lmdb", "ioredis", "iovalkey", "zod"],
];
const SERVICE_PEERS = ["jose", "hono"];
/** Peers that need no server. */
const OTHER_PEERS = [
  ...["@langchain/core", "@modelcontextprotocol/client", "@modelcontextprotocol/node"],
  ...["@mongodb-js/zstd", "ai", "lru-cache", "lz4-napi", "msgpackr", "re2js", "yaml"],
];
/**
 * The number of concurrent programs. Each spends about half of its time waiting for its start and for
 * servers.
 */
const AT_ONCE = 3;
const directory = mkdtempSync(join(tmpdir(), "handlevault-package-"));

try {
  installPacked(directory);
  await runExamples();
  await runWithPeers(join(PROJECT, "node_modules"), process.execPath);
  const [other] = values.node;
  if (values.peers !== undefined && other !== undefined) await runWithPeers(values.peers, other);
  writeConsumer();
  const ownTypescript = dirname(fileURLToPath(import.meta.resolve("typescript/package.json")));
  await atOnce([ownTypescript, ...values.typescript], checkTypes);
  cpSync(join(import.meta.dirname, "smoke.mjs"), join(directory, "smoke.mjs"));
  await atOnce([process.execPath, ...values.node], (node) =>
    run([node, "smoke.mjs"], { cwd: directory }),
  );
} finally {
  rmSync(directory, { recursive: true });
}

async function runExamples(): Promise<void> {
  cpSync(join(PROJECT, "examples"), join(directory, "examples"), { recursive: true });
  const tsx = import.meta.resolve("tsx");
  const names = readdirSync(join(directory, "examples"), { recursive: true, encoding: "utf8" });
  await atOnce(names.filter(isExample), async (name) => {
    console.log(`example ${name}`);
    const program = [process.execPath, "--import", tsx, join("examples", name)];
    await run(program, { cwd: directory });
  });
}

/**
 * Returns whether a file is a program or the main file of a folder; the other files are parts of programs.
 */
function isExample(name: string): boolean {
  return name.endsWith(".ts") && (dirname(name) === "." || basename(name) === "main.ts");
}

/**
 * Runs the quickstart over every wire and on every cache that needs a peer and an installed server, one
 * program with the peers that only services need, and one with all other peers.
 */
async function runWithPeers(peers: string, node: string): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), "handlevault-caches-"));
  try {
    installPacked(place);
    cpSync(join(PROJECT, "examples"), join(place, "examples"), { recursive: true });
    for (const peer of [...QUICKSTART_PEERS, ...SERVICE_PEERS, ...OTHER_PEERS]) {
      mkdirSync(dirname(join(place, "node_modules", peer)), { recursive: true });
      symlinkSync(join(peers, peer), join(place, "node_modules", peer));
    }
    for (const program of ["smoke-services.mjs", "smoke-peers.mjs"]) {
      cpSync(join(import.meta.dirname, program), join(place, program));
    }
    const settings = [
      ...CACHES.map((cache) => ["--cache", cache]),
      ...WIRES.map((wire) => ["--remote", wire]),
    ];
    await atOnce(settings, (setting) => runQuickstart(place, node, setting));
    const rotation = ["--import", import.meta.resolve("tsx"), "examples/key-rotation/rotate.ts"];
    await run([node, ...rotation], { cwd: place, stdout: "ignore" });
    await run([node, "smoke-services.mjs"], { cwd: place });
    await run([node, "smoke-peers.mjs", ...OTHER_PEERS], { cwd: place });
  } finally {
    rmSync(place, { recursive: true });
  }
}

async function runQuickstart(
  place: string,
  node: string,
  setting: readonly string[],
): Promise<void> {
  console.log(`quickstart ${setting.join(" ")}, with ${node}`);
  const script = ["--import", import.meta.resolve("tsx"), "examples/quickstart.ts", ...setting];
  await run([node, ...script], { cwd: place, stdout: "ignore" });
}

/** Writes programs with strict checks: one imports every entry, the others are the README's snippets. */
function writeConsumer(): void {
  writeFileSync(join(directory, "consumer.ts"), importsOfEveryEntry());
  cpSync(join(PROJECT, "test/types/consumer.ts"), join(directory, "consumer-types.ts"));
  const readme = readFileSync(join(PROJECT, "README.md"), "utf8");
  for (const [index, [, code = ""]] of [...readme.matchAll(/```ts\n(.*?)```/gs)].entries()) {
    writeFileSync(join(directory, `readme-${index + 1}.ts`), code);
  }
  // The routes for web applications use the types of Hono.
  for (const name of ["@types", "undici-types", "hono"]) {
    symlinkSync(join(PROJECT, "node_modules", name), join(directory, "node_modules", name));
  }
}

async function checkTypes(typescript: string): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(typescript, "package.json"), "utf8"));
  console.log(`types of every entry, with TypeScript ${version} and without skipLibCheck`);
  const programs = readdirSync(directory).filter((name) => name.endsWith(".ts"));
  const flags = "--noEmit --strict --exactOptionalPropertyTypes --target es2022 --module nodenext";
  const args = [join(typescript, "bin/tsc"), ...flags.split(" "), "--types", "node", ...programs];
  await run([process.execPath, ...args], { cwd: directory });
}

/** Runs a task for each item, a few concurrently; the first failure ends the work. */
function atOnce<Item>(items: readonly Item[], task: (item: Item) => Promise<void>): Promise<void> {
  return inBatches(items.length, AT_ONCE, (index) => task(items[index] as Item));
}
