/** One process that loads a service and its echo in turn: `WIRE PAYLOAD ROUNDS`. */
import { median } from "../median.js";
import { record, table } from "../payloads.js";
import { frameLoad, httpLoad, type Load } from "./loads.js";
import { REQUESTS, type Requests } from "./requests.js";
import { startServer } from "./started-server.js";
import type { ServerAddress, WireName } from "./subject.js";

/** What the parent reads: microseconds for each request, medians of all rounds. */
export interface ServiceTimes {
  readonly echo: number;
  readonly seal: number;
  readonly unseal: number;
  /** Which part of the echo's time the load itself was busy. */
  readonly loadShare: number;
}

const PAYLOADS = { record, table };
const PER_ROUND = { record: 4000, table: 400 };
const CONNECTIONS = 50;
const FRAMES_IN_FLIGHT = 64;
const WARM_UP = 3;
const ID = /hdl_[0-9a-f]{32}/;

interface Loads {
  readonly echo: Load;
  readonly vault: Load;
}

async function measure(loads: Loads, requests: Requests, task: Task): Promise<ServiceTimes> {
  const { payload, count, rounds } = task;
  const times = { echo: [] as number[], seal: [] as number[], unseal: [] as number[] };
  const shares: number[] = [];
  const sealing = Array<Buffer>(count).fill(requests.seal(payload));
  const echo = async () => {
    const busyBefore = process.cpuUsage();
    const micros = await timed(loads.echo, sealing);
    const { user, system } = process.cpuUsage(busyBefore);
    shares.push((user + system) / (micros * count));
    times.echo.push(micros);
  };
  const vault = async () => {
    const ids: string[] = [];
    times.seal.push(await timed(loads.vault, sealing, (body) => ids.push(idIn(body))));
    const unsealing = ids.map((id) => requests.unseal(id));
    times.unseal.push(await timed(loads.vault, unsealing, (body) => checkSize(body, payload)));
  };
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const subject of round % 2 ? [echo, vault] : [vault, echo]) await subject();
  }
  const afterWarmUp = (all: readonly number[]) => median(all.slice(WARM_UP));
  return {
    echo: afterWarmUp(times.echo),
    seal: afterWarmUp(times.seal),
    unseal: afterWarmUp(times.unseal),
    loadShare: afterWarmUp(shares),
  };
}

/** A refusal that nobody notices would be a fast answer. */
function idIn(body: Buffer): string {
  const [id] = ID.exec(body.toString("latin1")) ?? [];
  if (id === undefined) throw new Error("the service did not seal");
  return id;
}

function checkSize(body: Buffer, payload: unknown): void {
  if (body.length < JSON.stringify(payload).length) throw new Error("the service did not unseal");
}

/** Returns microseconds for each request. */
async function timed(
  load: Load,
  requests: readonly Buffer[],
  note: (body: Buffer) => void = () => undefined,
): Promise<number> {
  const start = performance.now();
  await load.send(requests, note);
  return ((performance.now() - start) * 1000) / requests.length;
}

interface Task {
  readonly payload: unknown;
  readonly count: number;
  readonly rounds: number;
}

async function loadOf(address: ServerAddress, wire: WireName): Promise<Load> {
  if (wire !== "json-rpc") return httpLoad(address, CONNECTIONS);
  return frameLoad(address, FRAMES_IN_FLIGHT);
}

const [wire, payload, rounds] = process.argv.slice(2) as [WireName, keyof typeof PAYLOADS, string];
const servers = {
  echo: await startServer({ wire, subject: "echo" }),
  vault: await startServer({ wire, subject: "vault" }),
};
try {
  const loads = {
    echo: await loadOf(servers.echo.address, wire),
    vault: await loadOf(servers.vault.address, wire),
  };
  const { greeting } = REQUESTS[wire];
  if (greeting !== undefined) await loads.vault.send([greeting], () => undefined);
  const task = { payload: PAYLOADS[payload], count: PER_ROUND[payload], rounds: Number(rounds) };
  console.log(JSON.stringify(await measure(loads, REQUESTS[wire], task)));
  loads.echo.close();
  loads.vault.close();
} finally {
  await servers.echo.stop();
  await servers.vault.stop();
}
