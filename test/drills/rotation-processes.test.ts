/** The documented rotation, in three processes on one store. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { generateKey, HandleVault, KeyRing } from "../../src/index.js";
import { OWNER, sealOptions } from "../support/vault.js";
import { Child } from "./child.js";
import type { RotatingTask } from "./children/rotating.js";
import { openPlace, PLACES } from "./places.js";

vi.setConfig({ testTimeout: 120_000 });

const [OLD, NEW] = [generateKey(), generateKey()];
const PROCESSES = 3;
const HANDLES = 20;

/**
 * Processes that use one store. The test takes them through the steps of a rotation and restarts them at any
 * time.
 */
class Processes {
  readonly #task: RotatingTask;
  readonly #children: Child[];

  private constructor(task: RotatingTask, children: Child[]) {
    this.#task = task;
    this.#children = children;
  }

  static async start(task: RotatingTask, state: string): Promise<Processes> {
    const children = Array.from({ length: PROCESSES }, () => new Child("rotating.ts", task));
    await Promise.all(children.map((child) => expectNext(child, `ready ${state}`)));
    return new Processes(task, children);
  }

  /**
   * Takes a step in one process after another. Restarts the third process before the second takes the step,
   * and the first after all have taken it. `restarted` is the expected state of a process that starts then.
   */
  async step(step: string, states: { readonly state: string; readonly restarted: string }) {
    for (const [index, child] of this.#children.entries()) {
      const printed = child.lines.length;
      child.say(step);
      await expectNext(child, `${step.split(" ")[0]} ${states.state}`, printed);
      if (index === 0) await this.#restart(PROCESSES - 1, states.restarted);
    }
    await this.#restart(0, states.restarted);
  }

  async restartAll(state: string): Promise<void> {
    for (const index of this.#children.keys()) await this.#restart(index, state);
  }

  /** Ends all processes; returns the number of reads of each. */
  async end(): Promise<number[]> {
    for (const child of this.#children) child.say("end");
    return Promise.all(this.#children.map((child) => child.result<number>()));
  }

  /** Kills a process while it works, unless one of its reads has failed, and restarts it. */
  async #restart(index: number, state: string): Promise<void> {
    await this.#children[index]?.kill();
    const child = new Child("rotating.ts", this.#task);
    this.#children[index] = child;
    await expectNext(child, `ready ${state}`);
  }
}

/** Waits for the next line of a child, and checks it. */
async function expectNext(child: Child, line: string, printed = 0): Promise<void> {
  await child.hasPrinted(printed + 1);
  // If the child has failed, this throws its error.
  if (child.lines.length === printed) await child.result();
  expect(child.lines.at(-1)).toBe(line);
}

describe("a rotation over three processes", () => {
  it("fails no read, whichever process is restarted when, and loses nothing", async () => {
    const kind = PLACES.find(({ name }) => name.includes("SQLite"));
    if (kind === undefined) throw new Error("no SQLite");
    const place = await kind.start();
    const folder = await mkdtemp(join(tmpdir(), "handlevault-rotation-"));
    const keyFile = join(folder, "keys");
    const write = (text: string) => writeKeys(keyFile, text);
    try {
      await write(`old:${OLD}\n`);
      const ids = await sealUnder(place.address, await KeyRing.fromFile(keyFile));
      const processes = await Processes.start({ address: place.address, keyFile, ids }, "old old");
      await write(`old:${OLD}\nnew:${NEW}\n`);
      await processes.step("reload", { state: "old new,old", restarted: "old new,old" });
      await write(`new:${NEW}\nold:${OLD}\n`);
      await processes.step("promote new", { state: "new new,old", restarted: "new new,old" });
      await processes.step("rewrap", { state: "new new,old", restarted: "new new,old" });
      await processes.step("remove old", { state: "new new", restarted: "new new,old" });
      await write(`new:${NEW}\n`);
      await processes.restartAll("new new");
      for (const reads of await processes.end()) expect(reads).toBeGreaterThan(HANDLES);

      const keys = await KeyRing.fromFile(keyFile);
      const vault = new HandleVault({ cache: await openPlace(place.address), keys });
      for (const id of ids) expect(await vault.unseal(id, OWNER)).toMatch(/^payload/);
      const { failed, keyUsage } = await vault.rewrap();
      expect([failed, Object.keys(keyUsage)]).toEqual([0, ["new"]]);
      await vault.close();
    } finally {
      await place.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** Replaces the key file atomically, so that a starting process never reads a partial file. */
async function writeKeys(file: string, text: string): Promise<void> {
  await writeFile(`${file}.next`, text, { mode: 0o600 });
  await rename(`${file}.next`, file);
}

async function sealUnder(address: RotatingTask["address"], keys: KeyRing): Promise<string[]> {
  const vault = new HandleVault({ cache: await openPlace(address), keys });
  const options = sealOptions({ ttlSeconds: 3600 });
  const handles = await Promise.all(
    Array.from({ length: HANDLES }, (_, index) => vault.seal(`payload ${index}`, options)),
  );
  await vault.close();
  return handles.map(({ id }) => id);
}
