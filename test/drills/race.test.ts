/**
 * Eight processes compete for handles with limited uses. The number of successful reads is exactly the number
 * of allowed uses.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { inBatches } from "../support/in-batches.js";
import { GRANTEE, STRANGER, sealOptions } from "../support/vault.js";
import { Child } from "./child.js";
import type { RaceReport, RaceTask } from "./children/race.js";
import { type Address, openVault, PLACES } from "./places.js";
import { skipUnless } from "./skipping.js";

const RACERS = 8;

/**
 * The handles of each race: their number and their uses. Expired handles have already expired at the start.
 */
const HEATS = [
  { count: 2000, maxUses: 1, ttlSeconds: 3600 },
  { count: 500, maxUses: 3, ttlSeconds: 3600 },
  { count: 100, maxUses: 1, ttlSeconds: 0 },
] as const;
const [ONE_SHOT, THREE_SHOT, EXPIRED] = HEATS.map(({ count }) => count) as [number, number, number];
const LIVE = ONE_SHOT + THREE_SHOT;

async function sealHandles(address: Address): Promise<string[]> {
  const vault = await openVault(address);
  const ids: string[] = [];
  const heats = HEATS.flatMap((heat) => Array.from({ length: heat.count }, () => heat));
  await inBatches(heats.length, 64, async (index) => {
    const { maxUses, ttlSeconds } = heats[index] as (typeof HEATS)[number];
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

/** These tests start many processes, on machines that may be busy. */
vi.setConfig({ testTimeout: 240_000 });

describe.each(PLACES)("eight processes that race on $name", (kind) => {
  it("open 2,000 handles once and 500 three times, and other principals use none", async (context) => {
    skipUnless(kind, context);
    const place = await kind.start();
    try {
      const ids = await sealHandles(place.address);
      const reports = await race(place.address, ids);
      const wins = ids.map((_, index) =>
        reports.reduce((sum, report) => sum + (report.wins[index] ?? 0), 0),
      );
      expect(new Set(wins.slice(0, ONE_SHOT))).toEqual(new Set([1]));
      expect(new Set(wins.slice(ONE_SHOT, LIVE))).toEqual(new Set([3]));
      expect(new Set(wins.slice(LIVE))).toEqual(new Set([0]));
      expect(reports.reduce((sum, { wrong }) => sum + wrong, 0)).toBe(0);
      expect(errorsOf(reports)).toEqual({
        ERR_VAULT_HANDLE_ACCESS_DENIED: RACERS * LIVE,
        ERR_VAULT_HANDLE_EXHAUSTED: (RACERS - 1) * ONE_SHOT + (RACERS - 3) * THREE_SHOT,
        ERR_VAULT_HANDLE_EXPIRED: 2 * RACERS * EXPIRED,
      });
    } finally {
      await place.stop();
    }
  });
});

/** Returns the number of times each error occurred, over all processes. */
function errorsOf(reports: readonly RaceReport[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [code, count] of reports.flatMap(({ errors }) => Object.entries(errors))) {
    counts[code] = (counts[code] ?? 0) + count;
  }
  return counts;
}
