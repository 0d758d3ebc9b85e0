/**
 * Installs the packed library as applications do: with npm, with pnpm without hoisting, and with Yarn
 * Plug'n'Play, always without install scripts. It installs, runs and type-checks an application without
 * optional packages, and one with several, some of which are too old.
 *
 * `tsx tools/package-managers.ts --pnpm FILE --yarn FILE` names the programs of the two managers. Packages
 * come from the registry that npm is configured for.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { inBatches } from "../test/support/in-batches.js";
import { importsOfEveryEntry, packInto } from "./packed.js";
import { run } from "./run.js";

const { values } = parseArgs({
  options: { pnpm: { type: "string", default: "" }, yarn: { type: "string", default: "" } },
});

/** With earlier versions of this library, each of these except `hono` prevented its installation. */
const PEERS = {
  ai: "7.0.173",
  "better-sqlite3": "11.10.0",
  hono: "4.13.19",
  ioredis: "4.31.0",
  jose: "5.10.0",
  "lru-cache": "10.4.3",
  yaml: "1.10.3",
  zod: "3.25.76",
};
const WORKING = ["ai", "hono", "jose", "lru-cache", "zod"];
const OUTDATED = ["better-sqlite3", "ioredis", "yaml"];
const TYPES = { "@types/node": "20.19.43" };
const TYPE_FLAGS =
  "--noEmit --strict --exactOptionalPropertyTypes --target es2022 --module nodenext --types node";

interface Manager {
  readonly name: string;
  /** The package manager's files in the application. */
  readonly files: Readonly<Record<string, string>>;
  /** Packages that only this manager needs. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly install: readonly string[];
  /** The command that runs a Node program. */
  readonly node: readonly string[];
  readonly tsc: readonly string[];
}

const ownTsc = join(
  dirname(fileURLToPath(import.meta.resolve("typescript/package.json"))),
  "bin/tsc",
);
const plainNode = { node: [process.execPath], tsc: [process.execPath, ownTsc] };
const pnpm = [process.execPath, values.pnpm];
const yarn = [process.execPath, values.yarn];

/** The slowest manager is first. */
const MANAGERS: readonly Manager[] = [
  {
    name: "Yarn Plug'n'Play",
    files: {
      ".yarnrc.yml":
        "nodeLinker: pnp\nenableScripts: false\nenableTelemetry: false\nenableImmutableInstalls: false\n",
      "yarn.lock": "",
    },
    // A compiler version that Yarn can patch to read its archives.
    dependencies: { typescript: "5.9.3" },
    install: [...yarn, "install"],
    node: [...yarn, "node"],
    tsc: [...yarn, "tsc"],
  },
  {
    name: "npm",
    files: { ".npmrc": "strict-peer-deps=true\nengine-strict=false\n" },
    dependencies: {},
    install: ["npm", "install", "--ignore-scripts", "--no-package-lock", "--silent"],
    ...plainNode,
  },
  {
    name: "pnpm",
    files: {
      ".npmrc":
        "node-linker=isolated\nhoist=false\nstrict-peer-dependencies=true\nauto-install-peers=false\n",
    },
    dependencies: {},
    install: [...pnpm, "install", "--ignore-scripts", "--no-lockfile"],
    ...plainNode,
  },
];

const folder = mkdtempSync(join(tmpdir(), "handlevault-managers-"));
/** Yarn does not read npm's configuration; the other managers do. */
const environment = {
  ...process.env,
  YARN_NPM_REGISTRY_SERVER: registry(),
  YARN_UNSAFE_HTTP_WHITELIST: new URL(registry()).hostname,
  YARN_GLOBAL_FOLDER: join(folder, "yarn"),
  npm_config_store_dir: join(folder, "pnpm-store"),
};

try {
  const tarball = packInto(folder);
  await inBatches(MANAGERS.length, 2, async (index) => {
    const manager = MANAGERS[index] as Manager;
    await tryAlone(manager, tarball);
    await tryWithPeers(manager, tarball);
  });
} finally {
  rmSync(folder, { recursive: true });
}

function registry(): string {
  return execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
}

async function tryAlone(manager: Manager, tarball: string): Promise<void> {
  const cwd = await install(manager, "alone", { handlevault: `file:${tarball}` });
  await run([...manager.node, "smoke.mjs"], { cwd, environment });
}

async function tryWithPeers(manager: Manager, tarball: string): Promise<void> {
  const dependencies = { ...PEERS, ...TYPES, ...manager.dependencies };
  const cwd = await install(manager, "peers", { handlevault: `file:${tarball}`, ...dependencies });
  const outdated = OUTDATED.flatMap((peer) => ["--outdated", peer]);
  await run([...manager.node, "smoke-peers.mjs", ...WORKING, ...outdated], { cwd, environment });
  await run([...manager.tsc, ...TYPE_FLAGS.split(" "), "consumer.ts"], { cwd, environment });
}

/** Creates an application, and installs its dependencies. */
async function install(
  manager: Manager,
  kind: string,
  dependencies: Readonly<Record<string, string>>,
): Promise<string> {
  console.log(`${manager.name}: an application ${kind === "alone" ? "without" : "with"} peers`);
  const cwd = join(folder, `${MANAGERS.indexOf(manager)}-${kind}`);
  mkdirSync(cwd);
  const files = {
    ...manager.files,
    "package.json": JSON.stringify({ private: true, type: "module", dependencies }),
    "consumer.ts": importsOfEveryEntry(),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  for (const program of ["smoke.mjs", "smoke-peers.mjs"]) {
    cpSync(join(import.meta.dirname, program), join(cwd, program));
  }
  await run(manager.install, { cwd, environment, stdout: "ignore" });
  return cwd;
}
