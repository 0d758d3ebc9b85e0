/** The leaky server as a process: `tsx leaky-process.ts v1|v2`. It also prints its secrets to stderr. */
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { leakyServerV1, leakyServerV2 } from "../../mcp/support/leaky-sdk-servers.js";
import { CARRIERS, canary } from "../../mcp/support/leaky-server.js";

console.error(CARRIERS.map(canary).join("\n"));
console.log(`started, and here is ${canary("text")}`);
if (process.argv[2] === "v1") await leakyServerV1().connect(new StdioServerTransport());
else serveStdio(leakyServerV2);
