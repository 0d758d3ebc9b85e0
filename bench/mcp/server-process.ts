/** A server over stdio whose tools return a table. Argument: `bare`, or `memory` or `sqlite` for a wrapping vault. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { generateKey, HandleVault, KeyRing, memoryCache } from "handlevault";
import { openSqliteCache } from "handlevault/cache/sqlite";
import { AgentPolicy, withVault } from "handlevault/mcp";
import { table } from "../payloads.js";
import { POLICY, SERVER, TOOLS } from "./policy.js";

const text = JSON.stringify(table);

function bareServer(): Server {
  const server = new Server({ name: SERVER, version: "1.0.0" }, { capabilities: { tools: {} } });
  const inputSchema = { type: "object" as const };
  server.setRequestHandler("tools/list", () => ({
    tools: TOOLS.map((name) => ({ name, inputSchema })),
  }));
  server.setRequestHandler("tools/call", () => ({ content: [{ type: "text", text }] }));
  return server;
}

async function openVault(cache: string): Promise<HandleVault> {
  if (cache === "memory") return new HandleVault({ cache: memoryCache() });
  const folder = mkdtempSync(join(tmpdir(), "handlevault-mcp-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  const keys = KeyRing.from({ current: "bench", keys: { bench: generateKey() } });
  return new HandleVault({ cache: await openSqliteCache(join(folder, "handles.db")), keys });
}

const [kind = "bare"] = process.argv.slice(2);
const server = bareServer();
if (kind !== "bare") {
  withVault(server, {
    vault: await openVault(kind),
    policy: new AgentPolicy(POLICY),
    server: SERVER,
    subjectOf: () => "alice",
    onWarning: () => undefined,
  });
}
process.stdin.once("end", () => process.exit());
await server.connect(new StdioServerTransport());
