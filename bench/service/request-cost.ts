/** The cost of requests: elapsed time, and processor time on both ends. */
import { median } from "../median.js";
import type { StartedServer } from "./started-server.js";

/** Microseconds per request. */
export interface RequestCost {
  readonly micros: number;
  /** Processor time of the server. */
  readonly serverMicros: number;
  /** Processor time of this process, the client. */
  readonly ownMicros: number;
}

/** The output, which the parent process reads. */
export interface CostByCase {
  readonly echo: RequestCost;
  readonly seal: RequestCost;
  readonly unseal: RequestCost;
}

/** Runs a task of `count` requests. Returns the cost per request. */
export async function measureCost(
  server: StartedServer,
  count: number,
  task: () => Promise<void>,
): Promise<RequestCost> {
  const serverBefore = await server.processorMicros();
  const ownBefore = process.cpuUsage();
  const start = performance.now();
  await task();
  const micros = (performance.now() - start) * 1000;
  const { user, system } = process.cpuUsage(ownBefore);
  const serverMicros = (await server.processorMicros()) - serverBefore;
  return {
    micros: micros / count,
    serverMicros: serverMicros / count,
    ownMicros: (user + system) / count,
  };
}

/** Measures an echo and the vault. */
export interface Subjects {
  echo(): Promise<RequestCost>;
  vault(): Promise<{ readonly seal: RequestCost; readonly unseal: RequestCost }>;
}

const WARM_UP = 3;

/** Alternates echo and vault, and returns the medians of all rounds. */
export async function alternate({ echo, vault }: Subjects, rounds: number): Promise<CostByCase> {
  const echoes: RequestCost[] = [];
  const vaults: { seal: RequestCost; unseal: RequestCost }[] = [];
  const turns = [
    async () => echoes.push(await echo()),
    async () => vaults.push(await vault()),
  ] as const;
  for (let round = 0; round < rounds + WARM_UP; round++) {
    const [first, second] = round % 2 ? turns : turns.toReversed();
    await first?.();
    await second?.();
  }
  return {
    echo: medianOf(echoes),
    seal: medianOf(vaults.map(({ seal }) => seal)),
    unseal: medianOf(vaults.map(({ unseal }) => unseal)),
  };
}

function medianOf(all: readonly RequestCost[]): RequestCost {
  const of = (name: keyof RequestCost) => median(all.slice(WARM_UP).map((cost) => cost[name]));
  return { micros: of("micros"), serverMicros: of("serverMicros"), ownMicros: of("ownMicros") };
}
