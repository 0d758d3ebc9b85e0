/**
 * Sends all requests of the MCP inspector's command line to servers over stdio and HTTP: to wrapped servers
 * and to servers behind the proxy. Fails if one of their secrets is visible, or if none is visible at a bare
 * server.
 *
 * `tsx tools/mcp-inspector.ts NODE INSPECTOR`, after the package is built: a Node of version 22 or later,
 * which the inspector needs, and the folder of the inspector's package, which is too large to install for
 * this alone.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RunningProxy } from "../test/cli/support/http.js";
import { BARE, sealedServers } from "../test/mcp/support/leaky-sdk-servers.js";
import { leaksIn, TOOL_NAMES } from "../test/mcp/support/leaky-server.js";
import { openHttp } from "../test/mcp/support/lines.js";

const [node = "", inspector = ""] = process.argv.slice(2);
if (inspector === "") {
  console.error("usage: tsx tools/mcp-inspector.ts NODE INSPECTOR");
  process.exit(2);
}

const CLI = join(inspector, "clients/cli/build/index.js");
const TSX = [node, "--import", import.meta.resolve("tsx")];
const TIMEOUT_MS = 30_000;
const TOKEN = "inspector".repeat(4);
/** A secret in the environment of the everything server, which has a tool that returns it. */
const SECRET = "canary everything 7f3a91";

const folder = mkdtempSync(join(tmpdir(), "handlevault-inspector-"));
const policy = join(folder, "policy.json");
writeFileSync(
  policy,
  JSON.stringify({
    version: 1,
    vault: { cache: "memory" },
    subject: "inspector",
    auth: { tokens: [{ env: "TOKEN", subject: "inspector" }] },
    servers: { leaky: { tools: {} }, everything: { tools: {} } },
  }),
);
// Programs that start repeatedly are compiled once, which requires Node 22.
const environment = { ...process.env, SECRET, TOKEN, NODE_COMPILE_CACHE: join(folder, "compiled") };

type Question = readonly [method: string, ...rest: string[]];

const tool = (name: string, ...args: readonly string[]): Question => {
  return ["tools/call", "--tool-name", name, ...args.flatMap((arg) => ["--tool-arg", arg])];
};
const LEAKY: readonly Question[] = [
  ["tools/list"],
  ["resources/list"],
  ["resources/templates/list"],
  ["resources/read", "--uri", "x://1"],
  ["prompts/list"],
  ["prompts/get", "--prompt-name", "p"],
  ...TOOL_NAMES.map((name) => tool(name)),
];
const BRIEFLY: readonly Question[] = [
  ["tools/list"],
  ["resources/read", "--uri", "x://1"],
  ["prompts/get", "--prompt-name", "p"],
  ...["text", "structured", "media", "meta", "failing", "throwing"].map((name) => tool(name)),
];
const OF_BARE: readonly Question[] = [["tools/list"], tool("media"), tool("structured")];
const EVERYTHING: readonly Question[] = [
  ["tools/list"],
  ["resources/list"],
  ["prompts/list"],
  tool("get-env"),
  tool("get-structured-content", "location=Chicago"),
  tool("get-tiny-image"),
  tool("get-resource-links", "count=2"),
];
const EVERYTHING_SECRETS = [
  SECRET,
  "iVBORw0KGgo",
  "demo://",
  'humidity":',
  "environment variables",
];

const LEAKY_PROCESS = join(import.meta.dirname, "../test/mcp/support/leaky-process.ts");
const leaky = (...args: readonly string[]) => [...TSX, LEAKY_PROCESS, ...args];
const everythingScript = fileURLToPath(
  import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"),
);
const UPSTREAM = {
  leaky: leaky("v1", "bare"),
  everything: [node, everythingScript],
} as const;
type Upstream = keyof typeof UPSTREAM;

/** The requests to a server, and the secrets that must not be visible. */
interface Case {
  readonly name: string;
  /** The inspector's arguments that select the server. */
  readonly server: readonly string[];
  readonly questions: readonly Question[];
  readonly secretsIn: (text: string) => readonly string[];
  /**
   * The minimum number of secrets visible at a bare server, or of handles at any other server, where no
   * secret may be visible.
   */
  readonly least: { readonly secrets: number } | { readonly handles: number };
}

const ofLeaky = { questions: LEAKY, secretsIn: leaksIn, least: { handles: 20 } };
const ofBare = { questions: OF_BARE, secretsIn: leaksIn, least: { secrets: 8 } };
const OF_PROXY = {
  leaky: { questions: BRIEFLY, secretsIn: leaksIn, least: { handles: 12 } },
  everything: {
    questions: EVERYTHING,
    secretsIn: (text: string) => EVERYTHING_SECRETS.filter((secret) => text.includes(secret)),
    least: { handles: 8 },
  },
} as const;

const COMMAND = join(import.meta.dirname, "../dist/cli/main.js");
const proxied = (server: Upstream) => ["--policy", policy, "--server", server];
const stdioProxy = (server: Upstream): Case => ({
  name: `stdio, proxy before ${server}`,
  server: [...[node, COMMAND, "mcp-proxy", ...proxied(server)], ...["--", ...UPSTREAM[server]]],
  ...OF_PROXY[server],
});

const open: { close(): Promise<unknown> }[] = [];

async function http(
  name: string,
  servers: typeof BARE,
  asked: Omit<Case, "name" | "server">,
): Promise<Case> {
  // Servers of SDK 2 accept any number of clients in sequence.
  const listening = await openHttp(servers, "v2");
  open.push(listening);
  return { name, server: [listening.url.href, "--transport", "http"], ...asked };
}

async function httpProxy(server: Upstream): Promise<Case> {
  const args = [...proxied(server), "--listen", "0", "--", ...UPSTREAM[server]];
  const proxy = new RunningProxy(args, environment);
  open.push({ close: () => proxy.stop() });
  const header = ["--header", `Authorization: Bearer ${TOKEN}`];
  const url = await proxy.url();
  return {
    name: `HTTP, proxy before ${server}`,
    server: [url, "--transport", "http", ...header],
    ...OF_PROXY[server],
  };
}

const CASES: readonly Case[] = [
  { name: "stdio, bare, SDK 1", server: leaky("v1", "bare"), ...ofBare },
  { name: "stdio, wrapped, SDK 1", server: leaky("v1", "wrapped"), ...ofLeaky },
  { name: "stdio, wrapped, SDK 2", server: leaky("v2", "wrapped"), ...ofLeaky },
  stdioProxy("leaky"),
  stdioProxy("everything"),
  await http("HTTP, bare, SDK 2", BARE, ofBare),
  await http("HTTP, wrapped, SDK 2", sealedServers(), ofLeaky),
  await httpProxy("leaky"),
  await httpProxy("everything"),
];

/** Returns the inspector's whole output for one request to a server. */
function ask([first = "", ...server]: readonly string[], question: Question): Promise<string> {
  const [method, ...rest] = question;
  const asked = ["--method", method, ...rest];
  // Options consume all following arguments, so an address comes before them, and a command after them.
  const args = first.startsWith("http")
    ? [first, ...server, ...asked]
    : ["-e", `SECRET=${SECRET}`, ...asked, "--", first, ...server];
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, env: environment };
    const asking = execFile(node, [CLI, ...args], options, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
    asking.stdin?.end();
  });
}

function report({ name, secretsIn, least }: Case, text: string): void {
  const secrets = secretsIn(text);
  const handles = text.match(/hdl_[0-9a-f]{32}/g)?.length ?? 0;
  console.log(`${name}: ${text.length} characters, ${handles} handles, ${secrets.length} secrets`);
  const isRight =
    "secrets" in least
      ? secrets.length >= least.secrets
      : secrets.length === 0 && handles >= least.handles;
  if (isRight) return;
  console.error(`  wrong: ${secrets.join(", ")}`);
  process.exitCode = 1;
}

const answers = CASES.map((): string[] => []);
const asking = CASES.flatMap((one, index) =>
  one.questions.map((question) => async () => {
    answers[index]?.push(await ask(one.server, question));
  }),
);
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let next = asking.shift(); next !== undefined; next = asking.shift()) await next();
  }),
);
for (const [index, one] of CASES.entries()) report(one, answers[index]?.join("\n") ?? "");
for (const running of open) await running.close();
rmSync(folder, { recursive: true });
