/** A server with one tool that returns a secret, and one that uses it. */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const SSN = "123-45-6789";
const server = new McpServer({ name: "records", version: "1.0.0" });
const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

server.registerTool("lookup", { inputSchema: { size: z.number().optional() } }, ({ size = 0 }) =>
  text(`${SSN}${"x".repeat(size)}`),
);
server.registerTool("use", { inputSchema: { ssn: z.string() } }, ({ ssn }) =>
  text(ssn === SSN ? `got the number: ${ssn}` : "got something else"),
);
server.registerTool("environment", {}, () => text(Object.keys(process.env).join(" ")));
server.registerTool("die", {}, () => process.exit(3));
await server.connect(new StdioServerTransport());
