/** The documented rotation, played over three processes on one store. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { HandleVault, KeyRing } from "../../src/index.js";
import { OWNER, sealOptions } from "../support/vault.js";
import { Child } from "./child.js";
import type { RotatingTask } from "./children/rotating.js";
import { openPlace, PLACES } from "./places.js";

vi.setConfig({ testTimeout: 120_000 });

const [OLD, NEW] = [KeyRing.generateKey(), KeyRing.generateKey()];
const PROCESSES = 3;
const HANDLES = 20;

describe("a rotation over three processes", () => {
  it("fails no read, and loses nothing at the next start", async () => {
    const kind = PLACES.find(({ name }) => name.includes("SQLite"));
    if (kind === undefined) throw new Error("no SQLite");
    const place = await kind.start();
    const folder = await mkdtemp(join(tmpdir(), "handlevault-rotation-"));
    const keyFile = join(folder, "keys");
    const write = (text: string) => writeFile(keyFile, text, { mode: 0o600 });
    try {
      await write(`old:${OLD}\n`);
      const ids = await sealUnder(place.address, await KeyRing.fromFile(keyFile));
      const task: RotatingTask = { address: place.address, keyFile, ids };
      const children = Array.from({ length: PROCESSES }, () => new Child("rotating.ts", task));
      await Promise.all(children.map((child) => child.hasPrinted(1)));

      let steps = 1;
      const everywhere = async (step: string, state: string) => {
        steps += 1;
        for (const child of children) {
          child.say(step);
          await child.hasPrinted(steps);
          expect(child.lines.at(-1)).toBe(`${step.split(" ")[0]} ${state}`);
        }
      };
      await write(`old:${OLD}\nnew:${NEW}\n`);
      await everywhere("reload", "old old,new");
      await everywhere("promote new", "new old,new");
      await everywhere("remove old", "new new");
      await write(`new:${NEW}\n`);
      for (const child of children) child.say("end");
      for (const child of children) expect(await child.result<number>()).toBeGreaterThan(HANDLES);

      const vault = new HandleVault({
        cache: await openPlace(place.address),
        keys: await KeyRing.fromFile(keyFile),
      });
      for (const id of ids) expect(await vault.unseal(id, OWNER)).toMatch(/^payload/);
      await vault.close();
    } finally {
      await place.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

async function sealUnder(address: RotatingTask["address"], keys: KeyRing): Promise<string[]> {
  const vault = new HandleVault({ cache: await openPlace(address), keys });
  const options = sealOptions({ ttlSeconds: 3600 });
  const handles = await Promise.all(
    Array.from({ length: HANDLES }, (_, index) => vault.seal(`payload ${index}`, options)),
  );
  await vault.close();
  return handles.map(({ id }) => id);
}
