/** What requests take: time, and processor time on both ends. */
import { median } from "../median.js";
import type { StartedServer } from "./started-server.js";

/** Microseconds for each request. */
export interface Taken {
  readonly micros: number;
  /** Processor time of the server. */
  readonly serverMicros: number;
  /** Processor time of this process, which asks. */
  readonly ownMicros: number;
}

/** What the parent reads. */
export interface TakenByCase {
  readonly echo: Taken;
  readonly seal: Taken;
  readonly unseal: Taken;
}

/** Returns what each of `count` requests took. */
export async function takenBy(
  server: StartedServer,
  count: number,
  task: () => Promise<void>,
): Promise<Taken> {
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
export interface Turns {
  echo(): Promise<Taken>;
  vault(): Promise<{ readonly seal: Taken; readonly unseal: Taken }>;
}

const WARM_UP = 3;

/** Lets echo and vault take turns, and returns the medians of all rounds. */
export async function takeTurns({ echo, vault }: Turns, rounds: number): Promise<TakenByCase> {
  const echoes: Taken[] = [];
  const vaults: { seal: Taken; unseal: Taken }[] = [];
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

function medianOf(all: readonly Taken[]): Taken {
  const of = (name: keyof Taken) => median(all.slice(WARM_UP).map((taken) => taken[name]));
  return { micros: of("micros"), serverMicros: of("serverMicros"), ownMicros: of("ownMicros") };
}
