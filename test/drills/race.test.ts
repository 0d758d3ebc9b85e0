/** Eight processes race for handles with limited uses: exactly as many win as their owner allowed. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { inBatches } from "../support/in-batches.js";
import { GRANTEE, STRANGER, sealOptions } from "../support/vault.js";
import { Child } from "./child.js";
import type { RaceReport, RaceTask } from "./children/race.js";
import { type Address, openVault, PLACES } from "./places.js";
import { skipUnless } from "./skipping.js";

const RACERS = 8;

/** Seals handles for a race; the last `expired` of them are past their time already. */
async function sealHandles(
  address: Address,
  { count, maxUses, expired }: { count: number; maxUses: number; expired: number },
): Promise<string[]> {
  const vault = await openVault(address);
  const ids: string[] = [];
  await inBatches(count, 64, async (index) => {
    const ttlSeconds = index < count - expired ? 3600 : 0;
    const options = sealOptions({ maxUses, ttlSeconds });
    ids[index] = (await vault.seal(`payload ${index}`, options)).id;
  });
  await vault.close();
  return ids;
}

async function race(address: Address, ids: readonly string[]): Promise<RaceReport[]> {
  const directory = await mkdtemp(join(tmpdir(), "handlevault-race-"));
  const idsFile = join(directory, "ids.json");
  await writeFile(idsFile, JSON.stringify(ids));
  const task: RaceTask = { address, idsFile, principal: GRANTEE, stranger: STRANGER };
  const racers = Array.from({ length: RACERS }, () => new Child("race.ts", task));
  try {
    for (const racer of racers) await racer.hasPrinted(1);
    for (const racer of racers) racer.say("go");
    return await Promise.all(racers.map((racer) => racer.result<RaceReport>()));
  } finally {
    await Promise.all(racers.map((racer) => racer.kill()));
    await rm(directory, { recursive: true });
  }
}

function total(reports: readonly RaceReport[], code: string): number {
  return reports.reduce((sum, { errors }) => sum + (errors[code] ?? 0), 0);
}

describe.each(PLACES)("eight processes that race on $name", (kind) => {
  it.for([
    { maxUses: 1, count: 2000 },
    { maxUses: 3, count: 500 },
  ])(
    "open each of $count handles for $maxUses uses exactly that often, and strangers burn none",
    async ({ maxUses, count }, context) => {
      skipUnless(kind, context);
      const place = await kind.start();
      try {
        const expired = 100;
        const live = count - expired;
        const ids = await sealHandles(place.address, { count, maxUses, expired });
        const reports = await race(place.address, ids);
        const wins = ids.map((_, index) =>
          reports.reduce((sum, { wins }) => sum + (wins[index] ?? 0), 0),
        );
        expect(new Set(wins.slice(0, live))).toEqual(new Set([maxUses]));
        expect(new Set(wins.slice(live))).toEqual(new Set([0]));
        expect(reports.reduce((sum, { wrong }) => sum + wrong, 0)).toBe(0);
        const refused = {
          ERR_VAULT_HANDLE_ACCESS_DENIED: total(reports, "ERR_VAULT_HANDLE_ACCESS_DENIED"),
          ERR_VAULT_HANDLE_EXHAUSTED: total(reports, "ERR_VAULT_HANDLE_EXHAUSTED"),
          ERR_VAULT_HANDLE_EXPIRED: total(reports, "ERR_VAULT_HANDLE_EXPIRED"),
        };
        const codes = new Set(reports.flatMap(({ errors }) => Object.keys(errors)));
        expect(codes).toEqual(new Set(Object.keys(refused)));
        expect(refused).toEqual({
          ERR_VAULT_HANDLE_ACCESS_DENIED: RACERS * live,
          ERR_VAULT_HANDLE_EXHAUSTED: (RACERS - maxUses) * live,
          ERR_VAULT_HANDLE_EXPIRED: 2 * RACERS * expired,
        });
      } finally {
        await place.stop();
      }
    },
  );
});
