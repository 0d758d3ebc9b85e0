/** Lone requests of a client that is not ours, to a service and its echo in turn: `WIRE`. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { writeMethodCall } from "../../src/transport/xml-rpc/call.js";
import { median } from "../median.js";
import { record } from "../payloads.js";
import { startServer } from "./started-server.js";
import { GATEWAY, OWNER, SAFE_VIEW, TOKEN, type WireName } from "./subject.js";

const ROUNDS = 1000;
/** The first ones meet a server that has never answered. */
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

/** Milliseconds of a lone request, in the median. */
export interface LoneTaken {
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
  const taken = JSON.parse(stdout) as [number[], number[]];
  const [echo, vault] = taken.map((all) => median(all.slice(WARM_UP)));
  console.log(JSON.stringify({ echo, vault } as LoneTaken));
} finally {
  for (const server of servers) await server.stop();
}
