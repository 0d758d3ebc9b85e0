/** One process's measurements, printed as JSON: rounds of every case in turn, never one after another. */
import { HandleVault } from "handlevault";
import { Floor } from "./floor.js";
import { record, table } from "./payloads.js";

const OWNER = "spiffe://example.org/records";
const GATEWAY = "spiffe://example.org/gateway";
const SAFE_VIEW = "patient record, 7 fields";
const ROUNDS = 15;

/** Runs one case `count` times; returns microseconds for each. */
type Case = (count: number) => Promise<number>;

async function timed(count: number, run: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await run();
  return Number(process.hrtime.bigint() - start) / 1000 / count;
}

function casesFor(name: string, payload: unknown): Record<string, Case> {
  const options = { ownerPrincipal: OWNER, grantedPrincipals: [GATEWAY], safeView: SAFE_VIEW };
  return {
    [`${name} floor seal`]: async (count) => {
      const floor = new Floor();
      return timed(count, async () => {
        for (let i = 0; i < count; i++) floor.seal(payload, OWNER, GATEWAY, SAFE_VIEW);
      });
    },
    [`${name} vault seal`]: async (count) => {
      const vault = new HandleVault();
      return timed(count, async () => {
        for (let i = 0; i < count; i++) await vault.seal(payload, options);
      });
    },
    [`${name} floor unseal`]: async (count) => {
      const floor = new Floor();
      const ids = Array.from(
        { length: count },
        () => floor.seal(payload, OWNER, GATEWAY, SAFE_VIEW).id,
      );
      return timed(count, async () => {
        for (const id of ids) floor.unseal(id, GATEWAY);
      });
    },
    [`${name} vault unseal`]: async (count) => {
      const vault = new HandleVault();
      const ids: string[] = [];
      for (let i = 0; i < count; i++) ids.push((await vault.seal(payload, options)).id);
      return timed(count, async () => {
        for (const id of ids) await vault.unseal(id, GATEWAY);
      });
    },
  };
}

async function measure(
  cases: Record<string, Case>,
  count: number,
): Promise<Record<string, number>> {
  const names = Object.keys(cases);
  const samples = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = -3; round < ROUNDS; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round + names.length) % names.length] as string;
      const time = await (cases[name] as Case)(count);
      if (round >= 0) samples.get(name)?.push(time);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(samples.get(name) ?? [])]));
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const times = {
  ...(await measure(casesFor("record", record), 2000)),
  ...(await measure(casesFor("table", table), 200)),
};
console.log(JSON.stringify(times));
