/**
 * With `overlappingSync`, the default of lmdb 3.5.6, processes that open a file at different moments
 * have been seen to lose writes that were acknowledged: 22 of 200,000 in one measurement, none in
 * many others. That is too rare to be waited for here; the same drill must lose nothing without it.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { openLmdbCache } from "../../src/cache/lmdb.js";

const WRITER = join(import.meta.dirname, "..", "support", "lmdb-staggered-writer.ts");
const WRITERS = 4;
const RECORDS = 3200;
const STAGGER_MS = 150;
const FOR_LONG = { purgeAfterMs: 3_600_000 };

const folder = mkdtempSync(join(tmpdir(), "handlevault-staggered-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a writer; its end says how many of its records it could not read back. */
function startWriter(path: string, name: string) {
  const args = ["--import", import.meta.resolve("tsx"), WRITER, path, name, `${RECORDS}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const ended = new Promise<string>((resolve) => child.on("close", () => resolve(output)));
  return { child, ended };
}

async function countKeys(path: string): Promise<number> {
  const cache = await openLmdbCache(path);
  let count = 0;
  let cursor: string | undefined;
  for (let pages = 0; pages < 1000; pages++) {
    const page = await cache.scan(cursor);
    count += page.entries.length;
    cursor = page.cursor;
    if (cursor === undefined) break;
  }
  await cache.close();
  return count;
}

describe("processes that open an LMDB cache at different moments", () => {
  it("read back at once, and keep, every record that was acknowledged", async () => {
    const path = join(folder, "staggered.mdb");
    const writers = [];
    for (let index = 0; index < WRITERS; index++) {
      writers.push(startWriter(path, `writer ${index}`));
      await pause(STAGGER_MS);
    }
    const lost = await Promise.all(writers.map(({ ended }) => ended));
    expect(lost).toEqual(Array.from({ length: WRITERS }, () => "0"));
    expect(await countKeys(path)).toBe(WRITERS * RECORDS);
  }, 60_000);

  it("go on when one of them is killed in the middle of its writes", async () => {
    const path = join(folder, "killed.mdb");
    const cache = await openLmdbCache(path);
    for (let round = 0; round < 3; round++) {
      const { child, ended } = startWriter(path, `round ${round}`);
      for (let waits = 0; waits < 2000; waits++) {
        if ((await cache.get(`round ${round} 0`)) !== undefined) break;
        await pause(5);
      }
      await pause(10 * round);
      child.kill("SIGKILL");
      await ended;
      const inserted = cache.insert(`after ${round}`, { head: Buffer.from("head") }, FOR_LONG);
      expect(await inserted).toBe("inserted");
    }
    await cache.close();
  }, 60_000);
});
