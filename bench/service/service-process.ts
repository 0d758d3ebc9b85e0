/** One process that loads a service and its echo in turn: `WIRE PAYLOAD ROUNDS`. */
import { record, table } from "../payloads.js";
import { frameLoad, httpLoad, type Load } from "./loads.js";
import { REQUESTS } from "./requests.js";
import { type StartedServer, startServer } from "./started-server.js";
import type { WireName } from "./subject.js";
import { type Taken, takenBy, takeTurns } from "./taken.js";

const PAYLOADS = { record, table };
const PER_ROUND = { record: 4000, table: 400 };
const CONNECTIONS = 50;
const FRAMES_IN_FLIGHT = 64;
const ID = /hdl_[0-9a-f]{32}/;

/** A server and what loads it. */
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

/** Sends all requests; what each answer is, is looked at as it comes. */
function taken(
  { server, load }: Loaded,
  requests: readonly Buffer[],
  onAnswer: (body: Buffer) => void = () => undefined,
): Promise<Taken> {
  return takenBy(server, requests.length, () => load.send(requests, onAnswer));
}

/** A refusal that nobody notices would be a fast answer. */
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
    echo: () => taken(echo, sealing),
    vault: async () => {
      const ids: string[] = [];
      const seal = await taken(vault, sealing, (body) => ids.push(idIn(body)));
      const unsealing = ids.map((id) => requests.unseal(id));
      return { seal, unseal: await taken(vault, unsealing, checkSize) };
    },
  };
  console.log(JSON.stringify(await takeTurns(turns, Number(rounds))));
} finally {
  for (const { server, load } of [echo, vault]) {
    load.close();
    await server.stop();
  }
}
