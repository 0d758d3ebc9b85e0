/**
 * Tries the packed package as its users will: runs every example against it, type-checks a program
 * that imports every entry without skipping the library's own declarations, and runs the smoke test.
 * `tsx tools/check-package.ts`; other Nodes can be named to run the smoke test on as well.
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
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPacked } from "./packed.js";

const PROJECT = join(import.meta.dirname, "..");
const directory = mkdtempSync(join(tmpdir(), "handlevault-package-"));

try {
  installPacked(directory);
  runExamples();
  checkTypes();
  runSmokeTest([process.execPath, ...process.argv.slice(2)]);
} finally {
  rmSync(directory, { recursive: true });
}

function runExamples(): void {
  cpSync(join(PROJECT, "examples"), join(directory, "examples"), { recursive: true });
  const tsx = import.meta.resolve("tsx");
  for (const name of readdirSync(join(directory, "examples"))) {
    if (!name.endsWith(".ts") || name === "patient-data.ts") continue;
    console.log(`example ${name}`);
    run(process.execPath, ["--import", tsx, join("examples", name)]);
  }
}

/** Every entry must type-check in a strict program that has none of the peers. */
function checkTypes(): void {
  const { exports } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  const entries = Object.keys(exports).filter((entry) => entry !== "./package.json");
  const imports = entries.map((entry, index) => {
    const name = join("handlevault", entry);
    return `import * as entry${index} from "${name}";\nconsole.log(entry${index});`;
  });
  writeFileSync(join(directory, "consumer.ts"), imports.join("\n"));
  symlinkSync(join(PROJECT, "node_modules", "@types"), join(directory, "node_modules", "@types"));
  symlinkSync(
    join(PROJECT, "node_modules", "undici-types"),
    join(directory, "node_modules", "undici-types"),
  );
  const tsc = fileURLToPath(import.meta.resolve("typescript/package.json"));
  const flags = "--noEmit --strict --exactOptionalPropertyTypes --target es2023 --module nodenext";
  console.log("types of every entry, without the peers and without skipLibCheck");
  run(process.execPath, [
    join(tsc, "../bin/tsc"),
    ...flags.split(" "),
    "--types",
    "node",
    "consumer.ts",
  ]);
}

function runSmokeTest(nodes: readonly string[]): void {
  cpSync(join(import.meta.dirname, "smoke.mjs"), join(directory, "smoke.mjs"));
  for (const node of nodes) run(node, ["smoke.mjs"]);
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { cwd: directory, stdio: ["ignore", "inherit", "inherit"] });
}
