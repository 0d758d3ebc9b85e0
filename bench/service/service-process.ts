/** One process that loads a service and its echo in turn: `WIRE PAYLOAD ROUNDS`. */
import { median } from "../median.js";
import { record, table } from "../payloads.js";
import { frameLoad, httpLoad, type Load } from "./loads.js";
import { REQUESTS } from "./requests.js";
import { type StartedServer, startServer } from "./started-server.js";
import type { WireName } from "./subject.js";

const CASES = ["echo", "seal", "unseal"] as const;

/** Medians of all rounds. */
export interface CaseTimes {
  /** Microseconds for each request. */
  readonly micros: number;
  /** Microseconds of the server's processor time for each request. */
  readonly processorMicros: number;
  /** Which part of the time the load itself was busy. */
  readonly loadShare: number;
}

/** What the parent reads. */
export type ServiceTimes = Readonly<Record<(typeof CASES)[number], CaseTimes>>;

const PAYLOADS = { record, table };
const PER_ROUND = { record: 4000, table: 400 };
const CONNECTIONS = 50;
const FRAMES_IN_FLIGHT = 64;
const WARM_UP = 3;
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
async function timed(
  { server, load }: Loaded,
  requests: readonly Buffer[],
  onAnswer: (body: Buffer) => void = () => undefined,
): Promise<CaseTimes> {
  const processorBefore = await server.processorMicros();
  const ownBefore = process.cpuUsage();
  const start = performance.now();
  await load.send(requests, onAnswer);
  const micros = (performance.now() - start) * 1000;
  const { user, system } = process.cpuUsage(ownBefore);
  const processorMicros = (await server.processorMicros()) - processorBefore;
  return {
    micros: micros / requests.length,
    processorMicros: processorMicros / requests.length,
    loadShare: (user + system) / micros,
  };
}

interface Subjects {
  readonly echo: Loaded;
  readonly vault: Loaded;
}

async function measure(subjects: Subjects, rounds: number): Promise<ServiceTimes> {
  const times: Record<(typeof CASES)[number], CaseTimes[]> = { echo: [], seal: [], unseal: [] };
  const sealing = Array<Buffer>(count).fill(requests.seal(payload));
  const echo = async () => {
    times.echo.push(await timed(subjects.echo, sealing));
  };
  const vault = async () => {
    const ids: string[] = [];
    times.seal.push(await timed(subjects.vault, sealing, (body) => ids.push(idIn(body))));
    const unsealing = ids.map((id) => requests.unseal(id));
    times.unseal.push(await timed(subjects.vault, unsealing, checkSize));
  };
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const subject of round % 2 ? [echo, vault] : [vault, echo]) await subject();
  }
  return {
    echo: mediansOf(times.echo),
    seal: mediansOf(times.seal),
    unseal: mediansOf(times.unseal),
  };
}

function mediansOf(all: readonly CaseTimes[]): CaseTimes {
  const of = (name: keyof CaseTimes) => median(all.slice(WARM_UP).map((times) => times[name]));
  return {
    micros: of("micros"),
    processorMicros: of("processorMicros"),
    loadShare: of("loadShare"),
  };
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
const subjects = { echo: await loaded(wire, "echo"), vault: await loaded(wire, "vault") };
try {
  const { greeting } = requests;
  if (greeting !== undefined) await subjects.vault.load.send([greeting], () => undefined);
  console.log(JSON.stringify(await measure(subjects, Number(rounds))));
} finally {
  for (const { server, load } of Object.values(subjects)) {
    load.close();
    await server.stop();
  }
}
