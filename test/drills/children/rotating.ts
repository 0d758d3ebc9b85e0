/**
 * A process that seals and opens handles continuously while the test takes it through the steps of a
 * rotation.
 */
import { createInterface } from "node:readline";
import { setImmediate as nextTurn } from "node:timers/promises";
import { HandleVault, KeyRing, type RewrapReport } from "../../../src/index.js";
import { type Address, openPlace } from "../places.js";
import { print, task } from "./messages.js";

export interface RotatingTask {
  readonly address: Address;
  readonly keyFile: string;
  /** The handles to read, including those that other processes sealed. */
  readonly ids: readonly string[];
}

const PRINCIPAL = "spiffe://example.org/owner";
const KEPT = 50;

const { address, keyFile, ids } = task<RotatingTask>();
const ring = await KeyRing.fromFile(keyFile);
const vault = new HandleVault({
  cache: await openPlace(address),
  keys: ring,
  cacheTimeoutMs: 30_000,
});
const known = [...ids];
let reads = 0;
let isOver = false;
let report: RewrapReport | undefined;

async function work(): Promise<void> {
  while (!isOver) {
    const { id } = await vault.seal(`payload ${reads}`, {
      ownerPrincipal: PRINCIPAL,
      safeView: "a payload",
      ttlSeconds: 3600,
    });
    known.splice(known.length < KEPT ? known.length : KEPT - 1, 1, id);
    for (const one of known) {
      await vault.unseal(one, PRINCIPAL);
      reads += 1;
    }
    await nextTurn();
  }
}

/** Waits for reads after each step, so that every step is tested under load. */
async function readOn(): Promise<void> {
  const before = reads;
  while (reads < before + KEPT) await nextTurn();
}

const STEPS: Readonly<Record<string, (keyId: string) => Promise<unknown>>> = {
  reload: async () => ring.reload(),
  promote: async (keyId) => ring.promote(keyId),
  rewrap: async () => {
    report = await vault.rewrap();
  },
  // A process that was restarted after the rewrap has no report.
  remove: async (keyId) => ring.remove(keyId, report ?? (await vault.rewrap())),
};

const working = work();
// A failed read ends the process and fails the drill.
working.catch((error: unknown) => {
  throw error;
});
const state = () => `${ring.currentKeyId()} ${ring.keyIds.toSorted().join(",")}`;
await readOn();
print(`ready ${state()}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [step = "", keyId = ""] = line.split(" ");
  if (step === "end") break;
  await STEPS[step]?.(keyId);
  await readOn();
  print(`${step} ${state()}`);
}
isOver = true;
await working;
await vault.close();
print(reads);
process.exit(0);
