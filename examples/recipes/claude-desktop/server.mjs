// An MCP server as it would be without a vault.
import { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const server = new McpServer({ name: "patients", version: "1.0.0" });
const patient = "Ada Lovelace, born 1815-12-10";
server.registerTool(
  "lookup",
  { inputSchema: z.object({}), outputSchema: z.object({ patient: z.string() }) },
  () => ({ content: [{ type: "text", text: patient }], structuredContent: { patient } }),
);
server.registerTool(
  "letter",
  { inputSchema: z.object({ patient: z.string() }) },
  ({ patient: to }) => ({
    content: [{ type: "text", text: `written to ${to.length} characters of a patient` }],
  }),
);
await server.connect(new StdioServerTransport());
