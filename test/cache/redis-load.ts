/** Load on a vault, and the outcome of each operation. */
import { setTimeout as sleep } from "node:timers/promises";
import { type HandleVault, isVaultError } from "../../src/index.js";
import { OWNER, sealOptions } from "../support/vault.js";

const WORKERS = 16;
const PAUSE_MS = 5;
const BATCH = 64;

/** The acknowledged handle ids, each with its payload. */
export type Sealed = Map<string, string>;

export interface LoadReport {
  readonly sealed: Sealed;
  readonly failures: unknown[];
  /** The number of unseals that returned a wrong payload. */
  readonly mistaken: number;
}

/** What becomes of the load while it runs. */
export interface RunningLoad {
  readonly sealed: ReadonlyMap<string, string>;
  /** Returns how often each of the workers has failed, at least. */
  readonly leastFailures: () => number;
}

/** Seals and unseals until `disturb` has settled and a few more rounds have passed. */
export async function loadDuring(
  vault: HandleVault,
  disturb: (load: RunningLoad) => Promise<void>,
): Promise<LoadReport> {
  const report = {
    sealed: new Map<string, string>(),
    failures: [] as unknown[],
    mistaken: 0,
  };
  const failures = Array<number>(WORKERS).fill(0);
  let isOver = false;
  const sealAndOpen = async (payload: string) => {
    const { id } = await vault.seal(payload, sealOptions());
    report.sealed.set(id, payload);
    if ((await vault.unseal(id, OWNER)) !== payload) report.mistaken += 1;
  };
  const work = async (worker: number) => {
    for (let round = 0; !isOver; round++) {
      await sealAndOpen(`payload ${worker} ${round}`).catch((error: unknown) => {
        report.failures.push(error);
        failures[worker] = (failures[worker] ?? 0) + 1;
      });
      await sleep(PAUSE_MS);
    }
  };
  const workers = Array.from({ length: WORKERS }, (_, worker) => work(worker));
  await sleep(100);
  await disturb({ sealed: report.sealed, leastFailures: () => Math.min(...failures) });
  await sleep(100);
  isOver = true;
  await Promise.all(workers);
  return report;
}

/** Returns how many of the sealed payloads are lost or changed. */
export async function countLost(vault: HandleVault, sealed: Sealed): Promise<number> {
  const all = [...sealed];
  let lost = 0;
  for (let start = 0; start < all.length; start += BATCH) {
    const batch = all.slice(start, start + BATCH);
    const opened = await Promise.all(batch.map(([id]) => vault.unseal(id, OWNER)));
    lost += batch.filter(([, payload], index) => opened[index] !== payload).length;
  }
  return lost;
}

/** Returns the distinct codes of errors; errors that are not the vault's are returned unchanged. */
export function codesOf(failures: readonly unknown[]): unknown[] {
  return [...new Set(failures.map((error) => (isVaultError(error) ? error.code : error)))].sort();
}
