/** Keys rotate under load, and a rewrap of all records can be interrupted and resumed. */

import { randomInt } from "node:crypto";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { aes256GcmEncryptor, generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { PREFIX_BYTES } from "../../src/vault/record.js";
import { inBatches } from "../support/in-batches.js";
import { rotate as rotateTo } from "../support/rotation.js";
import { OWNER, sealOptions } from "../support/vault.js";
import { Child } from "./child.js";
import type { RewrapTask } from "./children/rewrap.js";
import { type Address, openPlace, PLACES } from "./places.js";
import { skipUnless } from "./skipping.js";

const READERS = 4;
const HANDLES = 200;
const ROTATIONS = 5;
const RECORDS = 10_000;
const [KILLS, KILLED_RECORDS] = [3, 1000];
/** More passes than a process completes before it is killed. */
const PASSES = 200;

async function openWith(address: Address, keys: KeyRing): Promise<HandleVault> {
  return new HandleVault({ cache: await openPlace(address), keys, cacheTimeoutMs: 30_000 });
}

function newRing(): KeyRing {
  return KeyRing.from({ current: "key-0", keys: { "key-0": generateKey() } });
}

async function sealMany(vault: HandleVault, count: number): Promise<string[]> {
  const ids: string[] = [];
  await inBatches(count, 256, async (index) => {
    ids[index] = (await vault.seal(`payload ${index}`, sealOptions({ ttlSeconds: 3600 }))).id;
  });
  return ids;
}

/** These tests start many processes, on machines that may be busy. */
vi.setConfig({ testTimeout: 240_000 });

/** Moves all records from key to key, and removes each key that is no longer used. */
async function rotate(writer: HandleVault, ring: KeyRing): Promise<void> {
  for (let rotation = 1; rotation <= ROTATIONS; rotation++) {
    rotateTo(ring, `key-${rotation}`, generateKey());
    const report = await writer.rewrap();
    expect(report.failed).toBe(0);
    expectOnlyKey(report.keyUsage, `key-${rotation}`, HANDLES);
    ring.remove(`key-${rotation - 1}`, { force: true });
  }
}

/** Checks that all records use one key. The count may be higher, because a scan may visit a record twice. */
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
      const rotating = rotate(writer, ring).finally(() => {
        isRotating = false;
      });
      const [counts] = await Promise.all([Promise.all(reads), rotating]);
      for (const count of counts) expect(count).toBeGreaterThanOrEqual(HANDLES);
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
      rotateTo(ring, "key-1", generateKey());
      const half = await first.rewrap({ limit: RECORDS / 2 });
      await first.close();
      expect(half.rewrapped).toBe(RECORDS / 2);
      const second = await openWith(place.address, ring);
      const whole = await second.rewrap({ cursor: half.cursor });
      expect(whole).toMatchObject({ rewrapped: RECORDS, failed: 0 });
      expectOnlyKey((await second.rewrap()).keyUsage, "key-1", RECORDS);
      ring.remove("key-0", { force: true });
      await inBatches(100, 16, async (index) => {
        const place = index * 97;
        expect(await second.unseal(ids[place] as string, OWNER)).toBe(`payload ${place}`);
      });
      await second.close();
    } finally {
      await place.stop();
    }
  });

  it("loses nothing when the process that moves the records is killed during the move", async (context) => {
    skipUnless(kind, context);
    const place = await kind.start();
    try {
      let keys = newKeys("first", 1);
      const first = await openWith(place.address, KeyRing.from({ current: "first-0", keys }));
      const ids = await sealMany(first, KILLED_RECORDS);
      await first.close();
      let halfMoved = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const next = newKeys(`kill-${kill}`, PASSES);
        const task: RewrapTask = { address: place.address, keys, next };
        await killAfter(new Child("rewrap.ts", task), randomInt(1, 50));
        keys = { ...keys, ...next };
        if ((await keysInUse(place.address)).size > 1) halfMoved += 1;
      }
      expect(halfMoved).toBeGreaterThan(0);
      const ring = KeyRing.from({ current: "last-0", keys: { ...keys, ...newKeys("last", 1) } });
      const last = await openWith(place.address, ring);
      expect((await last.rewrap()).failed).toBe(0);
      expect(await keysInUse(place.address)).toEqual(new Set(["last-0"]));
      for (const key of Object.keys(keys)) ring.remove(key, { force: true });
      await inBatches(ids.length, 64, async (index) => {
        expect(await last.unseal(ids[index] as string, OWNER)).toBe(`payload ${index}`);
      });
      await last.close();
    } finally {
      await place.stop();
    }
  });
});

function newKeys(name: string, count: number): Record<string, string> {
  const numbers = Array.from({ length: count }, (_, index) => index);
  return Object.fromEntries(numbers.map((n) => [`${name}-${n}`, generateKey()]));
}

/** Kills a child after a random delay, once it has printed a number of lines. */
async function killAfter(child: Child, lines: number): Promise<void> {
  await child.hasPrinted(lines);
  await sleep(5 * Math.random());
  await child.kill();
}

/** Returns the ids of the keys that records use. */
async function keysInUse(address: Address): Promise<Set<string>> {
  const { keyIdOf } = aes256GcmEncryptor({ keys: KeyRing.ephemeral() });
  const cache = await openPlace(address);
  await cache.ready();
  const ids = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await cache.scan(cursor, { timeoutMs: 30_000 });
    for (const { head } of page.entries) ids.add(keyIdOf(head.subarray(PREFIX_BYTES)));
    cursor = page.cursor;
  } while (cursor !== undefined);
  await cache.close();
  return ids;
}
