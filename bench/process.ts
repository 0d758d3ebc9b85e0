/** Measures the memory cache in one process, and prints the results as JSON. */
import { HandleVault, memoryCache } from "handlevault";
import { Floor } from "./floor.js";
import { median } from "./median.js";
import { record, table, text } from "./payloads.js";

const OWNER = "spiffe://example.org/records";
const GATEWAY = "spiffe://example.org/gateway";
const SAFE_VIEW = "patient record, 7 fields";
const OPTIONS = { ownerPrincipal: OWNER, grantedPrincipals: [GATEWAY], safeView: SAFE_VIEW };

/** Seals `count` payloads, then unseals them. Returns microseconds per call. */
type Subject = (payload: unknown, count: number) => Promise<{ seal: number; unseal: number }>;

const floor: Subject = async (payload, count) => {
  const store = new Floor();
  const ids: string[] = [];
  const start = performance.now();
  for (let i = 0; i < count; i++) ids.push(store.seal(payload, OWNER, GATEWAY, SAFE_VIEW).id);
  const sealed = performance.now();
  for (const id of ids) store.unseal(id, GATEWAY);
  return perCall(start, sealed, performance.now(), count);
};

const vault: Subject = (payload, count) => vaultTimes(payload, count);
const unguarded: Subject = (payload, count) => vaultTimes(payload, count, "off");

async function vaultTimes(payload: unknown, count: number, leakGuard?: "off") {
  const store = new HandleVault({
    cache: memoryCache({ maxEntries: 2_000_000 }),
    ...(leakGuard && { leakGuard }),
  });
  const ids: string[] = [];
  const start = performance.now();
  for (let i = 0; i < count; i++) ids.push((await store.seal(payload, OPTIONS)).id);
  const sealed = performance.now();
  for (const id of ids) await store.unseal(id, GATEWAY);
  return perCall(start, sealed, performance.now(), count);
}

function perCall(start: number, sealed: number, end: number, count: number) {
  return { seal: ((sealed - start) * 1000) / count, unseal: ((end - sealed) * 1000) / count };
}

const SUBJECTS = { floor, unguarded, vault };

/** Alternates the subjects, with changing order, and returns the medians of all rounds. */
async function interleaved(
  name: string,
  payload: unknown,
  { count, rounds }: { count: number; rounds: number },
): Promise<Record<string, number>> {
  const names = Object.keys(SUBJECTS) as (keyof typeof SUBJECTS)[];
  const times = new Map<string, number[]>();
  const warmUp = 3;
  for (let round = 0; round < rounds + warmUp; round++) {
    for (const subject of round % 2 ? names : names.toReversed()) {
      const { seal, unseal } = await SUBJECTS[subject](payload, count);
      if (round < warmUp) continue;
      for (const [call, time] of Object.entries({ seal, unseal })) {
        const key = `${name} ${subject} ${call}`;
        times.set(key, [...(times.get(key) ?? []), time]);
      }
    }
  }
  return Object.fromEntries([...times].map(([key, all]) => [key, median(all)]));
}

/** Returns the bytes per stored record, without the memory that the process needs anyway. */
async function memoryPerHandle(): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const count of [10_000, 100_000]) {
    const store = new HandleVault();
    await store.unseal((await store.seal(record, OPTIONS)).id, OWNER);
    const before = usedBytes();
    for (let i = 0; i < count - 1; i++) await store.seal(record, OPTIONS);
    sizes[`${count} handles`] = Math.round((usedBytes() - before) / count);
    await store.close();
  }
  return sizes;
}

function usedBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Returns how the cost of a call grows with the number of handles, for floor and vault. */
async function scale(): Promise<Record<string, number>> {
  const growth: Record<string, number> = {};
  for (const [name, subject] of Object.entries({ floor, vault })) {
    await subject(record, 20_000);
    const few = [];
    for (let round = 0; round < 50; round++) few.push(await subject(record, 1000));
    for (const count of [100_000, 1_000_000]) {
      const { seal, unseal } = await subject(record, count);
      growth[`${name} seal, ${count} handles`] = seal / median(few.map((times) => times.seal));
      growth[`${name} unseal, ${count} handles`] =
        unseal / median(few.map((times) => times.unseal));
      globalThis.gc?.();
    }
  }
  return Object.fromEntries(
    Object.entries(growth).map(([key, ratio]) => [key, Math.round(ratio * 100) / 100]),
  );
}

async function speed(): Promise<Record<string, number>> {
  return {
    ...(await interleaved("record", record, { count: 10_000, rounds: 15 })),
    ...(await interleaved("table", table, { count: 500, rounds: 15 })),
    ...(await interleaved("1 MiB of text", text, { count: 20, rounds: 15 })),
  };
}

const measurements = { speed, memory: memoryPerHandle, scale };
const what = process.argv[2] as keyof typeof measurements;
console.log(JSON.stringify(await measurements[what]()));
