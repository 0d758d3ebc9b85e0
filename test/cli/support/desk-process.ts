/**
 * The server for injection drills, as a process: `tsx desk-process.ts CACHE KEYS RUNS`. The planted text is
 * in the environment. Executed calls are written to a file, which clients cannot see.
 */
import { appendFileSync } from "node:fs";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { openSqliteCache } from "../../../src/cache/sqlite.js";
import { HandleVault, KeyRing } from "../../../src/index.js";
import { vaultTools } from "../../../src/mcp.js";
import { addDeskTools, SERVER } from "../../mcp/support/drill-desk.js";

const [cache = "", keys = "", runs = ""] = process.argv.slice(2);
const { SECRET: secret = "", INJECTION: injection = "" } = process.env;

const server = new McpServer({ name: SERVER, version: "1.0.0" });
addDeskTools(
  server,
  { secret, injection },
  { onRun: (run) => appendFileSync(runs, `${JSON.stringify(run)}\n`) },
);
const vault = new HandleVault({
  cache: await openSqliteCache(cache),
  keys: await KeyRing.fromFile(keys),
});
(await vaultTools(vault, { principalOf: "agent", resolve: true }))(server);
process.stdin.once("end", () => process.exit());
await server.connect(new StdioServerTransport());
