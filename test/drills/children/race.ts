/** One of several processes that compete for the same handles at the same time. */
import { readFileSync } from "node:fs";
import { isVaultError } from "../../../src/index.js";
import { inBatches } from "../../support/in-batches.js";
import { type Address, openVault } from "../places.js";
import { print, startingGun, task } from "./messages.js";

export interface RaceTask {
  readonly address: Address;
  /** A JSON file with the ids of the handles. */
  readonly idsFile: string;
  readonly principal: string;
  readonly stranger: string;
}

export interface RaceReport {
  /** The number of times each handle was opened, by its index in the list. */
  readonly wins: readonly number[];
  /** The number of payloads that belonged to another handle. */
  readonly wrong: number;
  /** The number of times each error occurred. */
  readonly errors: Readonly<Record<string, number>>;
}

const { address, idsFile, principal, stranger } = task<RaceTask>();
const ids: readonly string[] = JSON.parse(readFileSync(idsFile, "utf8"));
const vault = await openVault(address);
const wins = ids.map(() => 0);
const errors: Record<string, number> = {};
let wrong = 0;

async function attempt(index: number, as: string): Promise<void> {
  try {
    const payload = await vault.unseal(ids[index] as string, as);
    wins[index] = (wins[index] ?? 0) + 1;
    if (payload !== `payload ${index}`) wrong += 1;
  } catch (error) {
    const code = isVaultError(error) ? error.code : String(error);
    errors[code] = (errors[code] ?? 0) + 1;
  }
}

await vault.purgeExpired();
await startingGun();
await inBatches(ids.length, 32, async (index) => {
  await attempt(index, stranger);
  await attempt(index, principal);
});
await vault.close();
print({ wins, wrong, errors } satisfies RaceReport);
