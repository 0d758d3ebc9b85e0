/**
 * Runs a service in a separate process. Replies to each line of standard input with the processor time that
 * the process has used, in microseconds.
 */
import { createInterface } from "node:readline";
import { tokenAuth } from "../../../src/auth.js";
import { HandleVault } from "../../../src/index.js";
import { serveHttp } from "../../../src/transport/http.js";
import { serveJsonRpc } from "../../../src/transport/json-rpc.js";
import { serveXmlRpc } from "../../../src/transport/xml-rpc.js";
import { print, task } from "./messages.js";

export interface ServeTask {
  readonly wire: "http" | "json-rpc" | "xml-rpc";
  readonly token: string;
  readonly principal: string;
  readonly maxConnections: number;
}

const SERVE = { http: serveHttp, "json-rpc": serveJsonRpc, "xml-rpc": serveXmlRpc };

const { wire, token, principal, maxConnections } = task<ServeTask>();
const auth = tokenAuth({ tokens: [{ token, principal }] });
const { address } = await SERVE[wire](new HandleVault(), { auth, maxConnections, port: 0 });
print(address);
for await (const _ of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage();
  print(user + system);
}
