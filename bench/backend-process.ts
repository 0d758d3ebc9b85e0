/** One process that measures one cache beside its floor: `BACKEND PAYLOAD HANDLES ROUNDS`. */
import { HandleVault, KeyRing, type SealOptions } from "handlevault";
import { inBatches } from "../test/support/in-batches.js";
import { BACKENDS, type Backend, type BackendName } from "./backends.js";
import { FloorSealer } from "./floor.js";
import { median } from "./median.js";
import { record, table } from "./payloads.js";

const OWNER = "spiffe://example.org/records";
const GATEWAY = "spiffe://example.org/gateway";
const SAFE_VIEW = "patient record, 7 fields";
const OPTIONS = { ownerPrincipal: OWNER, grantedPrincipals: [GATEWAY], safeView: SAFE_VIEW };
const PAYLOADS = { record, table };
const WARM_UP = 3;
/** Filling shares as many commits as it can. */
const FILLING_IN_FLIGHT = 1024;

/** What takes turns at sealing: the floor, the vault, and the vault without its leak guard. */
const NAMES = ["floor", "vault", "unguarded"] as const;

interface Subject {
  seal(payload: unknown): Promise<string>;
  unseal(id: string): Promise<unknown>;
  close(): Promise<unknown>;
}

/** What the parent reads. */
export interface BackendTimes {
  /** Microseconds for each call: medians of all rounds. */
  readonly floor: { readonly seal: number; readonly unseal: number };
  readonly vault: { readonly seal: number; readonly unseal: number };
  /** The vault, where seals ask for no leak guard: opening is the same. */
  readonly unguarded: { readonly seal: number };
  /** Bytes stored for each handle. */
  readonly bytesPerHandle: number;
}

async function floorOn(backend: Backend): Promise<Subject> {
  const [store, sealer] = [await backend.openFloor(), new FloorSealer()];
  return {
    seal: async (payload) => {
      const { handle, blob } = sealer.seal(payload, OWNER, GATEWAY, SAFE_VIEW);
      await store.put(handle.id, blob);
      return handle.id;
    },
    unseal: async (id) => {
      const found = store.get(id);
      return sealer.open(id, Buffer.isBuffer(found) ? found : await found, GATEWAY);
    },
    close: async () => store.close(),
  };
}

async function vaultOn(backend: Backend, options: SealOptions): Promise<Subject> {
  const keys = KeyRing.from({ current: "bench", keys: { bench: KeyRing.generateKey() } });
  const cache = await backend.openCache();
  const vault = new HandleVault({ cache, keys, acceptVolatile: true, cacheTimeoutMs: 60_000 });
  return {
    seal: async (payload) => (await vault.seal(payload, options)).id,
    unseal: (id) => vault.unseal(id, GATEWAY),
    close: () => vault.close(),
  };
}

async function measure(
  backend: Backend,
  payload: unknown,
  { handles, rounds }: { handles: number; rounds: number },
): Promise<BackendTimes> {
  const subjects = {
    floor: await floorOn(backend),
    vault: await vaultOn(backend, OPTIONS),
    unguarded: await vaultOn(backend, { ...OPTIONS, leakGuard: "off" }),
  };
  const ids = { floor: [] as string[], vault: [] as string[], unguarded: [] as string[] };
  const times = {
    floor: { seal: [] as number[], unseal: [] as number[] },
    vault: { seal: [] as number[], unseal: [] as number[] },
    unguarded: { seal: [] as number[] },
  };
  for (const name of NAMES) {
    await inBatches(handles, FILLING_IN_FLIGHT, async (index) => {
      ids[name][index] = await subjects[name].seal(payload);
    });
  }
  const perRound = Math.min(1000, handles);
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const name of rotated(NAMES, round)) {
      const subject = subjects[name];
      const seal = await timed(perRound, backend.inFlight, async () => {
        await subject.seal(payload);
      });
      if (round >= WARM_UP) times[name].seal.push(seal);
      if (name === "unguarded") continue;
      const known = ids[name];
      const unseal = await timed(perRound, backend.inFlight, async (index) => {
        // A stride of a prime visits records all over the place, in an order that nothing predicts.
        await subject.unseal(known[((round * perRound + index) * 7919) % known.length] as string);
      });
      if (round >= WARM_UP) times[name].unseal.push(unseal);
    }
  }
  for (const subject of Object.values(subjects)) await subject.close();
  // Of two vaults, each as many.
  const stored = 2 * (handles + (rounds + WARM_UP) * perRound);
  return {
    floor: { seal: median(times.floor.seal), unseal: median(times.floor.unseal) },
    vault: { seal: median(times.vault.seal), unseal: median(times.vault.unseal) },
    unguarded: { seal: median(times.unguarded.seal) },
    bytesPerHandle: Math.round((await backend.storedBytes()) / stored),
  };
}

/** Each goes first in its turn. */
function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

async function timed(
  count: number,
  inFlight: number,
  task: (index: number) => Promise<void>,
): Promise<number> {
  const start = performance.now();
  if (inFlight === 1) for (let index = 0; index < count; index++) await task(index);
  else await inBatches(count, inFlight, task);
  return ((performance.now() - start) * 1000) / count;
}

const [name, payload, handles, rounds] = process.argv.slice(2);
const backend = await BACKENDS[name as BackendName]();
try {
  const sizes = { handles: Number(handles), rounds: Number(rounds) };
  const times = await measure(backend, PAYLOADS[payload as keyof typeof PAYLOADS], sizes);
  console.log(JSON.stringify(times));
} finally {
  await backend.stop();
}
