/** Alternates loads on a service and its echo, in one process. Arguments: `WIRE PAYLOAD ROUNDS`. */
import { record, table } from "../payloads.js";
import { frameLoad, httpLoad, type Load } from "./loads.js";
import { alternate, measureCost, type RequestCost } from "./request-cost.js";
import { REQUESTS } from "./requests.js";
import { type StartedServer, startServer } from "./started-server.js";
import type { WireName } from "./subject.js";

const PAYLOADS = { record, table };
const PER_ROUND = { record: 4000, table: 400 };
const CONNECTIONS = 50;
const FRAMES_IN_FLIGHT = 64;
const ID = /hdl_[0-9a-f]{32}/;

/** A server and its load. */
interface Loaded {
  readonly server: StartedServer;
  readonly load: Load;
}

async function loaded(wire: WireName, subject: "echo" | "vault"): Promise<Loaded> {
  const server = await startServer({ wire, subject });
  const { address } = server;
  if (wire !== "json-rpc") return { server, load: await httpLoad(address, CONNECTIONS) };
  return { server, load: await frameLoad(address, FRAMES_IN_FLIGHT) };
}

/** Sends all requests, and checks each response. */
function costOf(
  { server, load }: Loaded,
  requests: readonly Buffer[],
  onAnswer: (body: Buffer) => void = () => undefined,
): Promise<RequestCost> {
  return measureCost(server, requests.length, () => load.send(requests, onAnswer));
}

/** Throws for an error response, because it would be counted as a fast success. */
function idIn(body: Buffer): string {
  const [id] = ID.exec(body.toString("latin1")) ?? [];
  if (id === undefined) throw new Error("the service did not seal");
  return id;
}

function checkSize(body: Buffer): void {
  if (body.length < payloadBytes) throw new Error("the service did not unseal");
}

const [wire, name, rounds] = process.argv.slice(2) as [WireName, keyof typeof PAYLOADS, string];
const [payload, count, requests] = [PAYLOADS[name], PER_ROUND[name], REQUESTS[wire]];
const payloadBytes = JSON.stringify(payload).length;
const { echo, vault } = { echo: await loaded(wire, "echo"), vault: await loaded(wire, "vault") };
try {
  const { greeting } = requests;
  if (greeting !== undefined) await vault.load.send([greeting], () => undefined);
  const sealing = Array<Buffer>(count).fill(requests.seal(payload));
  const turns = {
    echo: () => costOf(echo, sealing),
    vault: async () => {
      const ids: string[] = [];
      const seal = await costOf(vault, sealing, (body) => ids.push(idIn(body)));
      const unsealing = ids.map((id) => requests.unseal(id));
      return { seal, unseal: await costOf(vault, unsealing, checkSize) };
    },
  };
  console.log(JSON.stringify(await alternate(turns, Number(rounds))));
} finally {
  for (const { server, load } of [echo, vault]) {
    load.close();
    await server.stop();
  }
}
