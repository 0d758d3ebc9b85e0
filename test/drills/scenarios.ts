/** The faults of a store, and the acknowledged records that survive them. */
import { setTimeout as sleep } from "node:timers/promises";
import { type HandleVault, isVaultError } from "../../src/index.js";
import { inBatches } from "../support/in-batches.js";
import { OWNER, sealOptions } from "../support/vault.js";
import { type Address, openVault, type Place } from "./places.js";

/** The fate of acknowledged records, in the words of the table in docs/durability.md. */
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

/** Seals records, and returns the ids of all of them after they were acknowledged. */
export async function sealSome(vault: HandleVault, count: number): Promise<string[]> {
  const ids: string[] = [];
  await inBatches(count, 64, async (index) => {
    ids[index] = (await vault.seal(`payload ${index}`, sealOptions({ ttlSeconds: 3600 }))).id;
  });
  return ids;
}

/** Returns the number of lost records; throws any other failure. */
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

/** Closes the vault and restarts the server normally, and counts the records afterwards. */
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

/** Kills a server that writes its file up to 2 seconds after its replies: older records must survive. */
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
 * Seals until the store is full. Then expects that the error says so, the process goes on, all acknowledged
 * records are present, safe views can be read, and handles can be invalidated.
 */
export async function fillUp(vault: HandleVault): Promise<Outcome> {
  const ids = await sealUntilRefused(vault);
  await checkWhole(vault, ids);
  return (await canInvalidate(vault, ids))
    ? "refused; nothing lost, `invalidate` works"
    : "refused; nothing lost, `invalidate` waits for room";
}

/**
 * Seals until the store is full and the server exits for that reason. Then expects that errors say so, the
 * process goes on, and no record is lost after the server has been restarted.
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

/** Seals until the store refuses a record; returns the ids of the records sealed before. */
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

/** Throws unless every record is present and unchanged, with its safe view. */
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

/** Returns whether an error is one of the vault's errors for a store that is full or unavailable. */
function isTypedRefusal(error: unknown): boolean {
  return (
    isVaultError(error, "ERR_VAULT_CACHE_FULL") ||
    isVaultError(error, "ERR_VAULT_CACHE_UNAVAILABLE") ||
    isVaultError(error, "ERR_VAULT_OUTCOME_UNKNOWN")
  );
}

/** Seals more records than fit into a store that evicts automatically, and counts those that remain. */
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

/** The steps by which a replica replaces its master. */
export interface Failover {
  /** Cuts the replica off from its master. */
  cutOff(): Promise<void>;
  /** Kills the master and reconnects the replica, without waiting for it. */
  failOver(): Promise<void>;
}

/** Seals while the replica receives no updates, and then promotes it. */
export async function failOver(place: Place, { cutOff, failOver }: Failover): Promise<Outcome> {
  const vault = await openVault(place.address, { cacheTimeoutMs: 5000 });
  // The promoted server has no replica to wait for.
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
