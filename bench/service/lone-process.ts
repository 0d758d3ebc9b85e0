/** Measures lone requests of a foreign client, to a service and its echo alternately. Argument: `WIRE`. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { writeMethodCall } from "../../src/transport/xml-rpc/call.js";
import { median } from "../median.js";
import { record } from "../payloads.js";
import { startServer } from "./started-server.js";
import { GATEWAY, OWNER, SAFE_VIEW, TOKEN, type WireName } from "./subject.js";

const ROUNDS = 1000;
/** The warm-up, in requests: the first requests meet a server that is not optimized yet. */
const WARM_UP = 300;
const PAUSE_SECONDS = 0.005;

const REQUESTS = {
  http: {
    path: "/handles",
    type: "application/json",
    body: JSON.stringify({
      data: record,
      owner_principal: OWNER,
      safe_view: SAFE_VIEW,
      granted_principals: [GATEWAY],
    }),
  },
  "xml-rpc": {
    path: "/RPC2",
    type: "text/xml",
    body: writeMethodCall({
      method: "seal",
      params: [record, OWNER, SAFE_VIEW, 300, [GATEWAY]],
    }),
  },
} as const;

/** The median milliseconds of a lone request. */
export interface LoneCost {
  readonly echo: number;
  readonly vault: number;
}

const wire = process.argv[2] as Exclude<WireName, "json-rpc">;
const servers = [
  await startServer({ wire, subject: "echo" }),
  await startServer({ wire, subject: "vault" }),
];
try {
  const request = { ...REQUESTS[wire], token: TOKEN };
  const requests = servers.map(({ address }) => ({ ...request, port: address.port }));
  const task = { pauseSeconds: PAUSE_SECONDS, rounds: ROUNDS, requests };
  const { stdout, stderr } = spawnSync("python3", [join(import.meta.dirname, "lone.py")], {
    input: JSON.stringify(task),
    encoding: "utf8",
  });
  if (stdout === "") throw new Error(stderr);
  const millis = JSON.parse(stdout) as [number[], number[]];
  const [echo, vault] = millis.map((all) => median(all.slice(WARM_UP)));
  console.log(JSON.stringify({ echo, vault } as LoneCost));
} finally {
  for (const server of servers) await server.stop();
}
