/** Keys change under load, and a pass over all records survives being stopped. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { HandleVault, KeyRing } from "../../src/index.js";
import { inBatches } from "../support/in-batches.js";
import { OWNER, sealOptions } from "../support/vault.js";
import { type Address, openPlace, PLACES } from "./places.js";
import { skipUnless } from "./skipping.js";

const READERS = 4;
const HANDLES = 200;
const ROTATIONS = 5;
const RECORDS = 10_000;

async function openWith(address: Address, keys: KeyRing): Promise<HandleVault> {
  return new HandleVault({ cache: await openPlace(address), keys, cacheTimeoutMs: 30_000 });
}

function newRing(): KeyRing {
  return KeyRing.from({ current: "key-0", keys: { "key-0": KeyRing.generateKey() } });
}

async function sealMany(vault: HandleVault, count: number): Promise<string[]> {
  const ids: string[] = [];
  await inBatches(count, 256, async (index) => {
    ids[index] = (await vault.seal(`payload ${index}`, sealOptions({ ttlSeconds: 3600 }))).id;
  });
  return ids;
}

/** Machines are shared, and these start many processes. */
vi.setConfig({ testTimeout: 240_000 });

/** A scan may come by a record twice. */
function expectOnlyKey(usage: Readonly<Record<string, number>>, key: string, count: number): void {
  expect(Object.keys(usage)).toEqual([key]);
  expect(usage[key]).toBeGreaterThanOrEqual(count);
}

describe.each(PLACES)("rotation on $name", (kind) => {
  it("fails no read of four readers while records move from key to key", async (context) => {
    skipUnless(kind, context);
    const place = await kind.start();
    const ring = newRing();
    const vaults: HandleVault[] = [];
    try {
      for (let client = 0; client <= READERS; client++) {
        vaults.push(await openWith(place.address, ring));
      }
      const [writer, ...readers] = vaults as [HandleVault, ...HandleVault[]];
      const ids = await sealMany(writer, HANDLES);
      let isRotating = true;
      const reads = readers.map(async (reader, start) => {
        let count = 0;
        for (let turn = start; isRotating || count < HANDLES; turn++) {
          const index = (turn * 7) % HANDLES;
          expect(await reader.unseal(ids[index] as string, OWNER)).toBe(`payload ${index}`);
          count += 1;
          await nextTurn();
        }
        return count;
      });
      for (let rotation = 1; rotation <= ROTATIONS; rotation++) {
        ring.rotate(`key-${rotation}`, KeyRing.generateKey());
        const report = await writer.rewrap();
        expect(report.failed).toBe(0);
        expectOnlyKey(report.keyUsage, `key-${rotation}`, HANDLES);
        ring.remove(`key-${rotation - 1}`);
      }
      isRotating = false;
      for (const count of await Promise.all(reads)) expect(count).toBeGreaterThanOrEqual(HANDLES);
    } finally {
      for (const vault of vaults) await vault.close();
      await place.stop();
    }
  });

  it("moves 10,000 records, stopped half-way and resumed by another process's vault", async (context) => {
    skipUnless(kind, context);
    const place = await kind.start();
    try {
      const ring = newRing();
      const first = await openWith(place.address, ring);
      const ids = await sealMany(first, RECORDS);
      ring.rotate("key-1", KeyRing.generateKey());
      const half = await first.rewrap({ limit: RECORDS / 2 });
      await first.close();
      expect(half.rewrapped).toBe(RECORDS / 2);
      const second = await openWith(place.address, ring);
      const whole = await second.rewrap({ cursor: half.cursor });
      expect(whole).toMatchObject({ rewrapped: RECORDS, failed: 0 });
      expectOnlyKey((await second.rewrap()).keyUsage, "key-1", RECORDS);
      ring.remove("key-0");
      await inBatches(100, 16, async (index) => {
        const place = index * 97;
        expect(await second.unseal(ids[place] as string, OWNER)).toBe(`payload ${place}`);
      });
      await second.close();
    } finally {
      await place.stop();
    }
  });
});
