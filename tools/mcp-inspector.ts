/**
 * Asks a wrapped and a bare server for everything with the command line of the MCP inspector, over stdio
 * and HTTP, and fails where a secret of the wrapped one is seen, or none of the bare one.
 *
 * `tsx tools/mcp-inspector.ts NODE INSPECTOR`: a Node that runs it, and the inspector's script, which is
 * too large a package to be installed for this alone.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { BARE, sealedServers } from "../test/mcp/support/leaky-sdk-servers.js";
import { type Carrier, leaksIn, TOOL_NAMES } from "../test/mcp/support/leaky-server.js";
import { openHttp } from "../test/mcp/support/lines.js";

const [node = "", inspector = ""] = process.argv.slice(2);
if (inspector === "") {
  console.error("usage: tsx tools/mcp-inspector.ts NODE INSPECTOR");
  process.exit(2);
}

const SERVER = join(import.meta.dirname, "../test/mcp/support/leaky-process.ts");
const TSX = join(import.meta.dirname, "../node_modules/.bin/tsx");
const TIMEOUT_MS = 20_000;

const QUESTIONS = [
  ["tools/list"],
  ["resources/list"],
  ["resources/templates/list"],
  ["resources/read", "--uri", "x://1"],
  ["prompts/list"],
  ["prompts/get", "--prompt-name", "p"],
  ...TOOL_NAMES.map((name) => ["tools/call", "--tool-name", name]),
];

/** Returns all that the inspector writes when it asks a server one question. */
function ask(server: readonly string[], [method = "", ...given]: readonly string[]) {
  const args = [inspector, "--cli", ...server, "--method", method, ...given];
  return new Promise<string>((resolve) => {
    const asking = execFile(node, args, { timeout: TIMEOUT_MS }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
    asking.stdin?.end();
  });
}

async function written(server: readonly string[]): Promise<string> {
  const answers: string[] = [];
  for (const question of QUESTIONS) answers.push(await ask(server, question));
  return answers.join("\n");
}

function report(name: string, text: string): readonly Carrier[] {
  const leaks = leaksIn(text);
  const handles = text.match(/hdl_[0-9a-f]{32}/g)?.length ?? 0;
  console.log(`${name}: ${text.length} characters, ${handles} handles, ${leaks.length} secrets`);
  return leaks;
}

const LEAST_OF_BARE = 8;
for (const generation of ["v1", "v2"] as const) {
  for (const handling of ["bare", "wrapped"] as const) {
    const command = [TSX, SERVER, generation, handling];
    check(handling, report(`stdio, ${generation}, ${handling}`, await written(command)));
  }
}
for (const handling of ["bare", "wrapped"] as const) {
  // Servers of SDK 2 take any number of clients, one after the other.
  const { url, close } = await openHttp(handling === "bare" ? BARE : sealedServers(), "v2");
  const text = await written([url.href, "--transport", "http"]);
  check(handling, report(`HTTP, v2, ${handling}`, text));
  await close();
}

function check(handling: "bare" | "wrapped", leaks: readonly Carrier[]): void {
  const isRight = handling === "wrapped" ? leaks.length === 0 : leaks.length >= LEAST_OF_BARE;
  if (isRight) return;
  console.error(`  wrong: ${leaks.join(", ")}`);
  process.exitCode = 1;
}
