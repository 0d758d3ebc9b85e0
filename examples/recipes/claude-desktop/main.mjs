// Plays the host: starts the server as the configuration says, and calls the tools as a model would.
import { readFile } from "node:fs/promises";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const { mcpServers } = JSON.parse(await readFile("claude_desktop_config.json", "utf8"));
const client = new Client({ name: "host", version: "1.0.0" });
await client.connect(new StdioClientTransport({ ...mcpServers.patients, stderr: "inherit" }));
const { tools } = await client.listTools();
console.log(tools.map(({ name }) => name));
const found = await client.callTool({ name: "lookup", arguments: {} });
const { patient } = found.structuredContent;
console.log("the model sees:", patient.safe_view);
const sent = await client.callTool({ name: "letter", arguments: { patient: patient.handle_id } });
console.log("the tool saw:", sent.content[0].text);
await client.close();
