/** One process in which `VaultClient` and a bare client take turns: `CLIENT PAYLOAD ROUNDS`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VaultClient } from "handlevault/client";
import { writeMethodCall } from "../../src/transport/xml-rpc/call.js";
import { inBatches } from "../../test/support/in-batches.js";
import { median } from "../median.js";
import { record, table } from "../payloads.js";
import { type BareClient, bareFrameClient, bareHttpClient } from "./bare-clients.js";
import { startServer } from "./started-server.js";
import { GATEWAY, OWNER, SAFE_VIEW, type ServerAddress, TOKEN, type WireName } from "./subject.js";

/** What the parent reads: microseconds for each round trip, medians of all rounds. */
export interface ClientTimes {
  readonly echo: number;
  readonly seal: number;
  readonly unseal: number;
}

interface ClientKind {
  readonly wire: WireName;
  readonly isUnix?: boolean;
  readonly vault: (address: ServerAddress) => VaultClient;
  readonly bare: (address: ServerAddress, payload: unknown) => BareClient | Promise<BareClient>;
}

const PAYLOADS = { record, table };
const PER_ROUND = { record: 2000, table: 200 };
const IN_FLIGHT = 64;
const WARM_UP = 3;
const OPTIONS = { ownerPrincipal: OWNER, grantedPrincipals: [GATEWAY], safeView: SAFE_VIEW };
const token = { token: TOKEN };

const socket = {
  wire: "json-rpc",
  vault: (address) =>
    VaultClient.socket(address.path === undefined ? address : { path: address.path }, token),
  bare: bareFrameClient,
} as const satisfies ClientKind;

const CLIENTS: Readonly<Record<string, ClientKind>> = {
  http: {
    wire: "http",
    vault: ({ port }) => VaultClient.http(`http://127.0.0.1:${port}`, token),
    bare: (address) => bareHttpClient(address, { connections: IN_FLIGHT }),
  },
  "xml-rpc": {
    wire: "xml-rpc",
    vault: ({ port }) => VaultClient.rpc(`http://127.0.0.1:${port}`, token),
    bare: (address, payload) =>
      bareHttpClient(address, { connections: IN_FLIGHT, text: documentOf(payload) }),
  },
  "json-rpc": socket,
  "json-rpc-unix": { ...socket, isUnix: true },
};

function documentOf(payload: unknown): string {
  const params = [payload, OWNER, SAFE_VIEW, 300, [GATEWAY]];
  return writeMethodCall({ method: "seal", params });
}

interface Subjects {
  readonly vault: VaultClient;
  readonly bare: BareClient;
}

interface Task {
  readonly payload: object;
  readonly count: number;
  readonly rounds: number;
}

async function measure(subjects: Subjects, task: Task): Promise<ClientTimes> {
  const { payload, count, rounds } = task;
  const { vault, bare } = subjects;
  const times = { echo: [] as number[], seal: [] as number[], unseal: [] as number[] };
  const message = { params: { data: payload, ...OPTIONS } };
  const echo = async () => {
    times.echo.push(await timed(count, () => bare.ask(message)));
  };
  const service = async () => {
    const ids: string[] = [];
    const seal = async (index: number) => {
      ids[index] = (await vault.seal(payload, OPTIONS)).id;
    };
    times.seal.push(await timed(count, seal));
    times.unseal.push(await timed(count, (index) => vault.unseal(ids[index] ?? "", OWNER)));
  };
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const subject of round % 2 ? [echo, service] : [service, echo]) await subject();
  }
  const afterWarmUp = (all: readonly number[]) => median(all.slice(WARM_UP));
  return {
    echo: afterWarmUp(times.echo),
    seal: afterWarmUp(times.seal),
    unseal: afterWarmUp(times.unseal),
  };
}

async function timed(count: number, call: (index: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await inBatches(count, IN_FLIGHT, async (index) => {
    await call(index);
  });
  return ((performance.now() - start) * 1000) / count;
}

const [name = "", payload, rounds] = process.argv.slice(2) as [
  string,
  keyof typeof PAYLOADS,
  string,
];
const kind = CLIENTS[name];
if (kind === undefined) throw new Error(`there is no client ${name}`);
const folder = mkdtempSync(join(tmpdir(), "handlevault-bench-"));
const place = (subject: "echo" | "vault") =>
  kind.isUnix === true ? { path: join(folder, subject) } : {};
const { wire } = kind;
const servers = {
  echo: await startServer({ wire, subject: "echo", ...place("echo") }),
  vault: await startServer({ wire, subject: "vault", ...place("vault") }),
};
try {
  const subjects = {
    vault: kind.vault(servers.vault.address),
    bare: await kind.bare(servers.echo.address, PAYLOADS[payload]),
  };
  const task = { payload: PAYLOADS[payload], count: PER_ROUND[payload], rounds: Number(rounds) };
  console.log(JSON.stringify(await measure(subjects, task)));
  await subjects.vault.close();
  subjects.bare.close();
} finally {
  await servers.echo.stop();
  await servers.vault.stop();
  rmSync(folder, { recursive: true });
}
