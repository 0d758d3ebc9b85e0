/**
 * Runs the conformance suites of the Model Context Protocol against a bare server and against the same server
 * behind a policy that passes everything. Fails if the outcome of any check differs.
 *
 * `tsx tools/mcp-conformance.ts NODE SUITE REVISION [SUITE REVISION ...]`: a Node of version 22 or later,
 * which the suites need; the folder of a suite's package; a revision of the protocol. Servers of SDK 2 serve
 * revision 2026-07-28, servers of SDK 1 the older ones.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HandleVault } from "../src/index.js";
import { AgentPolicy, withVault } from "../src/mcp.js";
import {
  conformanceServerV1,
  conformanceServerV2,
  type Listening,
  listenV1,
  listenV2,
} from "../test/mcp/support/conformance-server.js";

const OPTIONS = {
  vault: new HandleVault(),
  policy: new AgentPolicy({ servers: {}, defaults: { unlisted: "pass" } }),
  server: "conformance",
  subjectOf: () => "suite",
};
const FIRST_REVISION_OF_SDK_2 = "2026-07-28";
const TIMEOUT_MS = 120_000;

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** The outcomes of the checks, by scenario and check. */
type Outcomes = ReadonlyMap<string, string>;

const [node = "", ...suites] = process.argv.slice(2);
if (suites.length === 0 || suites.length % 2 !== 0) {
  console.error("usage: tsx tools/mcp-conformance.ts NODE SUITE REVISION [SUITE REVISION ...]");
  process.exit(2);
}
for (let index = 0; index < suites.length; index += 2) {
  await compare(String(suites[index]), String(suites[index + 1]));
}

async function compare(suite: string, revision: string): Promise<void> {
  const [bare, wrapped] = await Promise.all(
    (await servers(revision)).map((server) => outcomesOf(server, { suite, revision })),
  );
  if (bare === undefined || wrapped === undefined) throw new Error("no outcomes");
  const names = [...new Set([...bare.keys(), ...wrapped.keys()])];
  const different = names.filter((name) => bare.get(name) !== wrapped.get(name));
  const passed = [...bare.values()].filter((outcome) => outcome === "SUCCESS").length;
  console.log(
    `${revision}: ${names.length} checks, ${passed} pass bare, ${different.length} differ`,
  );
  for (const name of different) {
    console.error(`  ${name}: bare ${bare.get(name)}, wrapped ${wrapped.get(name)}`);
  }
  // Equal results prove nothing if both servers fail, so at least half of the checks must pass.
  if (different.length > 0 || passed * 2 < names.length) process.exitCode = 1;
}

function servers(revision: string): Promise<readonly Listening[]> {
  return Promise.all(
    revision >= FIRST_REVISION_OF_SDK_2
      ? [listenV2(conformanceServerV2), listenV2(() => withVault(conformanceServerV2(), OPTIONS))]
      : [listenV1(conformanceServerV1), listenV1(() => withVault(conformanceServerV1(), OPTIONS))],
  );
}

async function outcomesOf(
  server: Listening,
  { suite, revision }: { suite: string; revision: string },
): Promise<Outcomes> {
  const folder = await mkdtemp(join(tmpdir(), "handlevault-conformance-"));
  const script = join(suite, "dist/index.js");
  const args = ["server", "--url", server.url, "--suite", "all", "--output-dir", folder];
  await new Promise<void>((resolve) => {
    // The exit code is ignored: it reports failed checks, which are compared below.
    execFile(
      node,
      [script, ...args, "--spec-version", revision],
      { timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 },
      () => resolve(),
    );
  });
  const outcomes = await readOutcomes(folder);
  await rm(folder, { recursive: true });
  await server.close();
  return outcomes;
}

async function readOutcomes(folder: string): Promise<Outcomes> {
  const outcomes = new Map<string, string>();
  for (const scenario of await readdir(folder)) {
    const text = await readFile(join(folder, scenario, "checks.json"), "utf8");
    for (const { id, status, errorMessage = "" } of JSON.parse(text) as readonly Check[]) {
      const name = `${scenario.replace(/-\d{4}-\d{2}-\d{2}T.*$/, "")} ${id}`;
      const outcome = status === "SUCCESS" ? status : `${status} ${withoutPort(errorMessage)}`;
      outcomes.set(name, [outcomes.get(name) ?? [], outcome].flat().join("; "));
    }
  }
  return outcomes;
}

function withoutPort(text: string): string {
  return text.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1");
}
