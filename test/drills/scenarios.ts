/** What can befall a store, and what is left of acknowledged records afterwards. */
import { setTimeout as sleep } from "node:timers/promises";
import { type HandleVault, isVaultError } from "../../src/index.js";
import { inBatches } from "../support/in-batches.js";
import { OWNER, sealOptions } from "../support/vault.js";
import { type Address, openVault, type Place } from "./places.js";

/** What became of acknowledged records; the words of the table in docs/durability.md. */
export type Outcome =
  | "kept"
  | "lost"
  | "may be lost"
  | "kept, but for the last 2 seconds"
  | "refused; nothing lost, `invalidate` works"
  | "refused; nothing lost, `invalidate` waits for room"
  | "the server ends; nothing lost once it is started with room"
  | "evicted; the handle says so";

const LARGE = "x".repeat(40_000);
const MOST = 20_000;

/** Returns ids of records, all of them acknowledged. */
export async function sealSome(vault: HandleVault, count: number): Promise<string[]> {
  const ids: string[] = [];
  await inBatches(count, 64, async (index) => {
    ids[index] = (await vault.seal(`payload ${index}`, sealOptions({ ttlSeconds: 3600 }))).id;
  });
  return ids;
}

/** Counts the records that are gone; any other failure is thrown. */
export async function countLost(vault: HandleVault, ids: readonly string[]): Promise<number> {
  let lost = 0;
  await inBatches(ids.length, 64, async (index) => {
    try {
      await vault.unseal(ids[index] as string, OWNER);
    } catch (error) {
      if (!isVaultError(error, "ERR_VAULT_HANDLE_NOT_FOUND")) throw error;
      lost += 1;
    }
  });
  return lost;
}

/** Closes everything in good order and looks again. */
export async function restart(place: Place, restartServer?: () => Promise<void>): Promise<Outcome> {
  const before = await openVault(place.address, { acceptVolatile: true });
  const ids = await sealSome(before, 500);
  await before.close();
  await restartServer?.();
  const after = await openVault(place.address, { acceptVolatile: true });
  const lost = await countLost(after, ids);
  await after.close();
  return lost === 0 ? "kept" : "lost";
}

/**
 * Kills a server that writes its file behind its answers, at most 2 seconds behind: what is older must
 * be there.
 */
export async function killLaggard(place: Place): Promise<Outcome> {
  const vault = await openVault(place.address);
  const old = await sealSome(vault, 500);
  await sleep(2500);
  await sealSome(vault, 2000);
  await place.crash?.();
  await untilWritable(vault);
  const lost = await countLost(vault, old);
  await vault.close();
  return lost === 0 ? "kept, but for the last 2 seconds" : "lost";
}

/**
 * Seals until there is no room, and then expects: the error says so, the process goes on, every
 * acknowledged record is there, safe views can be read, and handles can be invalidated.
 */
export async function fillUp(vault: HandleVault): Promise<Outcome> {
  const ids = await sealUntilRefused(vault);
  await checkWhole(vault, ids);
  return (await canInvalidate(vault, ids))
    ? "refused; nothing lost, `invalidate` works"
    : "refused; nothing lost, `invalidate` waits for room";
}

/**
 * Seals until there is no room and the server ends for that, and then expects: errors say so, the
 * process goes on, and with the server started again it is as if nothing had been.
 */
export async function fillUntilServerEnds(
  vault: HandleVault,
  startAgain: () => Promise<void>,
): Promise<Outcome> {
  const ids = await sealUntilRefused(vault);
  const failure: unknown = await vault.getSafeView(ids[0] as string).catch((error) => error);
  if (!isVaultError(failure, "ERR_VAULT_CACHE_UNAVAILABLE")) throw new Error("it still answers");
  await startAgain();
  await untilWritable(vault);
  await checkWhole(vault, ids);
  if (!(await canInvalidate(vault, ids))) throw new Error("there is no room still");
  return "the server ends; nothing lost once it is started with room";
}

/** Returns the ids of what was sealed before the store refused more. */
async function sealUntilRefused(vault: HandleVault): Promise<string[]> {
  const ids: string[] = [];
  let refusal: unknown;
  await inBatches(MOST, 16, async () => {
    if (refusal !== undefined) return;
    try {
      ids.push((await vault.seal(LARGE, sealOptions({ ttlSeconds: 3600 }))).id);
    } catch (error) {
      refusal ??= error;
    }
  });
  if (!isTypedRefusal(refusal)) throw new Error("the store took everything", { cause: refusal });
  return ids;
}

/** Throws unless every record is there as it was sealed, and has its safe view. */
async function checkWhole(vault: HandleVault, ids: readonly string[]): Promise<void> {
  await inBatches(ids.length, 16, async (index) => {
    if ((await vault.unseal(ids[index] as string, OWNER)) !== LARGE) throw new Error("torn");
  });
  if ((await vault.getSafeView(ids[0] as string)) !== sealOptions().safeView) throw new Error("?");
}

async function canInvalidate(vault: HandleVault, ids: readonly string[]): Promise<boolean> {
  for (const [index, id] of ids.slice(0, 20).entries()) {
    try {
      await vault.invalidate(id, index % 2 === 0 ? OWNER : undefined);
    } catch (error) {
      if (isTypedRefusal(error)) return false;
      throw error;
    }
    if ((await countLost(vault, [id])) !== 1) throw new Error("it was invalidated, and opens");
  }
  return true;
}

/** The store may be full, or unavailable for writing; it says so in one of our words. */
function isTypedRefusal(error: unknown): boolean {
  return (
    isVaultError(error, "ERR_VAULT_CACHE_FULL") ||
    isVaultError(error, "ERR_VAULT_CACHE_UNAVAILABLE") ||
    isVaultError(error, "ERR_VAULT_OUTCOME_UNKNOWN")
  );
}

/** Seals far more than fits into a store that makes room by itself, and looks for what is left. */
export async function overfill(vault: HandleVault): Promise<Outcome> {
  const ids: string[] = [];
  const codes = new Set<string>();
  await inBatches(2000, 16, async (index) => {
    ids[index] = (await vault.seal(LARGE, sealOptions({ ttlSeconds: 3600 }))).id;
  });
  await inBatches(ids.length, 16, async (index) => {
    try {
      await vault.unseal(ids[index] as string, OWNER);
    } catch (error) {
      codes.add(isVaultError(error) ? error.code : String(error));
    }
  });
  if (codes.size === 0) return "kept";
  const isSaid = [...codes].every((code) => code === "ERR_VAULT_HANDLE_EVICTED");
  return isSaid ? "evicted; the handle says so" : "may be lost";
}

/** How a replica comes to take the place of its master. */
export interface Failover {
  /** Stops the replica from hearing of anything. */
  cutOff(): Promise<void>;
  /** Kills the master, lets the replica hear again, and waits for nothing. */
  failOver(): Promise<void>;
}

/** Seals while the replica hears nothing, and then makes it the master. */
export async function failOver(place: Place, { cutOff, failOver }: Failover): Promise<Outcome> {
  const vault = await openVault(place.address, { cacheTimeoutMs: 5000 });
  // There will be no replica to wait for.
  const survivor = await openVault(withoutWaiting(place.address));
  const ids = await sealSome(vault, 100);
  await cutOff();
  const late = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) => vault.seal(`late ${index}`, sealOptions())),
  );
  for (const outcome of late) if (outcome.status === "fulfilled") ids.push(outcome.value.id);
  await failOver();
  await vault.close();
  await untilWritable(survivor);
  const lost = await countLost(survivor, ids);
  await survivor.close();
  return lost === 0 ? "kept" : "may be lost";
}

function withoutWaiting(address: Address): Address {
  if (!("waitForReplicas" in address)) return address;
  const { waitForReplicas: _, ...rest } = address;
  return rest;
}

async function untilWritable(vault: HandleVault): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await vault.seal("anybody there?", sealOptions());
      return;
    } catch (error) {
      if (attempt === 60 || !isVaultError(error)) throw error;
      await sleep(500);
    }
  }
}
