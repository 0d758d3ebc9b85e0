// A server of the MCP SDK, version 1: one line puts the vault between its tools and every client.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { HandleVault } from "handlevault";
import { AgentPolicy, withVault } from "handlevault/mcp";
import { z } from "zod";

const server = new McpServer({ name: "hr", version: "1.0.0" });
server.registerTool("salary", { inputSchema: {} }, () => ({
  content: [{ type: "text", text: "90,000 a year" }],
}));
server.registerTool("raise", { inputSchema: { salary: z.string() } }, ({ salary }) => ({
  content: [{ type: "text", text: `raised, from ${salary.length} characters` }],
}));
const rules = {
  salary: { seal: [{ at: "", safeView: { fixed: "a salary" }, grant: ["hr/raise"] }] },
  raise: { seal: "none", hydrate: [{ at: "/salary" }] },
};
const policy = new AgentPolicy({ servers: { hr: { tools: rules } } });
withVault(server, { vault: new HandleVault(), policy, server: "hr", subjectOf: () => "alice" });

const client = new Client({ name: "host", version: "1.0.0" });
const [toClient, toServer] = InMemoryTransport.createLinkedPair();
await Promise.all([server.connect(toServer), client.connect(toClient)]);
const { content } = await client.callTool({ name: "salary", arguments: {} });
const texts = content.map(({ text }) => text);
console.log("the model sees:", texts.find((text) => text.includes("a salary")) !== undefined);
console.log("and no figure:", !JSON.stringify(content).includes("90,000"));
const handle = /hdl_[0-9a-f]{32}/.exec(texts.join("\n"))[0];
const raised = await client.callTool({ name: "raise", arguments: { salary: handle } });
console.log("the tool:", raised.content[0].text);
await client.close();
