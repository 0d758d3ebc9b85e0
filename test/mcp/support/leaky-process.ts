/**
 * Runs the leaky server as a separate process over stdio: `v1` or `v2` of the SDK, `bare` or
 * `wrapped`.
 */
import { StdioServerTransport as StdioV1 } from "@modelcontextprotocol/sdk/server/stdio.js";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { BARE, sealedServers } from "./leaky-sdk-servers.js";

const [generation, handling] = process.argv.slice(2);
const servers = handling === "wrapped" ? sealedServers() : BARE;
process.stdin.once("end", () => process.exit());
if (generation === "v1") await servers.v1().connect(new StdioV1());
else serveStdio(servers.v2);
