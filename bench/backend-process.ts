/** Measures one cache and its floor in one process. Arguments: `BACKEND PAYLOAD HANDLES ROUNDS SUBJECT...`. */
import { generateKey, HandleVault, KeyRing, type SealOptions } from "handlevault";
import { inBatches } from "../test/support/in-batches.js";
import { BACKENDS, type Backend, type BackendName } from "./backends.js";
import { FloorSealer, LIFETIME_MS } from "./floor.js";
import { median } from "./median.js";
import { record, table } from "./payloads.js";

const OWNER = "spiffe://example.org/records";
const GATEWAY = "spiffe://example.org/gateway";
const SAFE_VIEW = "patient record, 7 fields";
const OPTIONS = {
  ownerPrincipal: OWNER,
  grantedPrincipals: [GATEWAY],
  safeView: SAFE_VIEW,
  ttlSeconds: LIFETIME_MS / 1000,
};
const PAYLOADS = { record, table };
const WARM_UP = 3;
/** Fills with the same concurrency as sealing, because LMDB's file layout depends on the size of commits. */
const FILLING_IN_FLIGHT = 64;

/** The alternating subjects: the floor, the vault, and the vault with `leakGuard: "off"`. */
export type SubjectName = "floor" | "vault" | "unguarded";

interface Subject {
  seal(payload: unknown): Promise<string>;
  unseal(id: string): Promise<unknown>;
  close(): Promise<unknown>;
}

/** The output, which the parent process reads. */
export interface BackendTimes {
  /** Microseconds per call: medians of all rounds. */
  readonly calls: Readonly<Record<SubjectName, { readonly seal: number; readonly unseal: number }>>;
  /** Bytes that the vaults store per handle. */
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
  const keys = KeyRing.from({ current: "bench", keys: { bench: generateKey() } });
  const cache = await backend.openCache();
  const vault = new HandleVault({ cache, keys, acceptVolatile: true, cacheTimeoutMs: 60_000 });
  return {
    seal: async (payload) => (await vault.seal(payload, options)).id,
    unseal: (id) => vault.unseal(id, GATEWAY),
    close: () => vault.close(),
  };
}

const ID_BYTES = 36;

/** Many ids, in memory that the garbage collector does not scan: its work would distort the measurement. */
class Ids {
  readonly #bytes: Buffer;
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
    this.#bytes = Buffer.alloc(count * ID_BYTES);
  }

  set(index: number, id: string): void {
    this.#bytes.write(id, index * ID_BYTES, "latin1");
  }

  /** Returns ids spread over the whole range, in an unpredictable order: by a stride of a prime number. */
  pick(count: number, from: number): string[] {
    return Array.from({ length: count }, (_, index) => {
      const start = (((from + index) * 7919) % this.#count) * ID_BYTES;
      return this.#bytes.toString("latin1", start, start + ID_BYTES);
    });
  }
}

/** The store of a subject, and the durations of its calls. */
interface Trial {
  readonly name: SubjectName;
  readonly subject: Subject;
  readonly ids: Ids;
  readonly seal: number[];
  readonly unseal: number[];
}

async function trialOf(name: SubjectName, backend: Backend, handles: number): Promise<Trial> {
  const subject =
    name === "floor"
      ? await floorOn(backend)
      : await vaultOn(backend, name === "vault" ? OPTIONS : { ...OPTIONS, leakGuard: "off" });
  return { name, subject, ids: new Ids(handles), seal: [], unseal: [] };
}

async function measure(
  backend: Backend,
  names: readonly SubjectName[],
  { payload, handles, rounds }: { payload: unknown; handles: number; rounds: number },
): Promise<BackendTimes> {
  const trials: Trial[] = [];
  for (const name of names) trials.push(await trialOf(name, backend, handles));
  for (const { subject, ids } of trials) {
    await inBatches(handles, FILLING_IN_FLIGHT, async (index) => {
      ids.set(index, await subject.seal(payload));
    });
  }
  const perRound = Math.min(1000, handles);
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const { subject, ids, seal, unseal } of rotated(trials, round)) {
      const sealing = await timed(perRound, backend.inFlight, async () => {
        await subject.seal(payload);
      });
      const picked = ids.pick(perRound, round * perRound);
      const opening = await timed(perRound, backend.inFlight, async (index) => {
        await subject.unseal(picked[index] as string);
      });
      if (round < WARM_UP) continue;
      seal.push(sealing);
      unseal.push(opening);
    }
  }
  for (const { subject } of trials) await subject.close();
  const stored = (trials.length - 1) * (handles + (rounds + WARM_UP) * perRound);
  const calls = trials.map(({ name, seal, unseal }) => [
    name,
    { seal: median(seal), unseal: median(unseal) },
  ]);
  return {
    calls: Object.fromEntries(calls),
    bytesPerHandle: Math.round((await backend.storedBytes()) / stored),
  };
}

/** Rotates the subjects, so that each goes first equally often. */
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

const [backendName, payload, handles, rounds, ...names] = process.argv.slice(2);
const backend = await BACKENDS[backendName as BackendName]();
try {
  const times = await measure(backend, names as SubjectName[], {
    payload: PAYLOADS[payload as keyof typeof PAYLOADS],
    handles: Number(handles),
    rounds: Number(rounds),
  });
  console.log(JSON.stringify(times));
} finally {
  await backend.stop();
}
