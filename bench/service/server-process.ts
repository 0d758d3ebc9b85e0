/**
 * Runs a server in a separate process: prints its address, responds to each line of standard input with
 * the microseconds of processor time used so far, and exits at the end of standard input.
 */
import { once } from "node:events";
import type { Server } from "node:net";
import { createInterface } from "node:readline";
import { HandleVault, memoryCache } from "handlevault";
import { tokenAuth } from "handlevault/auth";
import { serveHttp } from "handlevault/transport/http";
import { serveJsonRpc } from "handlevault/transport/json-rpc";
import { serveXmlRpc } from "handlevault/transport/xml-rpc";
import { ECHOES } from "./echoes.js";
import { OWNER, type ServerAddress, type ServerTask, TOKEN } from "./subject.js";

/** Keeps idle connections open while the other server is measured. */
const IDLE_MS = 600_000;
const SERVE = { http: serveHttp, "json-rpc": serveJsonRpc, "xml-rpc": serveXmlRpc };

async function listenTo({ wire, subject, path }: ServerTask): Promise<ServerAddress> {
  const place = path === undefined ? { port: 0 } : { path };
  if (subject === "echo") return echoAt(ECHOES[wire](), path);
  const vault = new HandleVault({ cache: memoryCache({ maxEntries: 2_000_000 }) });
  const auth = tokenAuth({ tokens: [{ token: TOKEN, principal: OWNER }] });
  return (await SERVE[wire](vault, { auth, idleTimeoutMs: IDLE_MS, ...place })).address;
}

async function echoAt(server: Server, path: string | undefined): Promise<ServerAddress> {
  server.listen(path === undefined ? { host: "127.0.0.1", port: 0 } : { path });
  await once(server, "listening");
  const bound = server.address();
  if (typeof bound === "string") return { path: bound };
  if (bound === null) throw new Error("the echo was closed");
  return { host: bound.address, port: bound.port };
}

console.log(JSON.stringify(await listenTo(JSON.parse(process.argv[2] ?? "null") as ServerTask)));
for await (const _ of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage();
  console.log(user + system);
}
process.exit();
