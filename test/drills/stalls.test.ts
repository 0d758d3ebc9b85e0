/**
 * lmdb alone loses acknowledged records if a file is opened during a commit. These tests block event loops
 * between the two steps, as happens on busy machines.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLmdbCache } from "../../src/cache/lmdb.js";
import { Child } from "./child.js";
import type { StallReport, StallTask } from "./children/stall.js";

/** `npm run durability` runs this for 10 minutes, with stalls longer than every timeout. */
const { durationMs, stallMs } =
  process.env["LONG_DRILLS"] === "true"
    ? { durationMs: 600_000, stallMs: 1000 }
    : { durationMs: 10_000, stallMs: 200 };

const PROCESSES: readonly Pick<StallTask, "writer" | "stallMs" | "perOpening">[] = [
  { writer: "writer 1", stallMs, perOpening: Number.MAX_SAFE_INTEGER },
  { writer: "writer 2", stallMs, perOpening: Number.MAX_SAFE_INTEGER },
  { writer: "opener 1", perOpening: 2 },
  { writer: "opener 2", perOpening: 0 },
];

/** Returns the keys of the acknowledged records that are not in the file. */
async function lostOf(path: string, reports: readonly (StallReport & { writer: string })[]) {
  const cache = await openLmdbCache(path);
  const lost: string[] = [];
  for (const { writer, attempts, failed } of reports) {
    const unknown = new Set(failed);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const key = `${writer} ${attempt}`;
      if (!unknown.has(attempt) && (await cache.get(key)) === undefined) lost.push(key);
    }
  }
  await cache.close();
  return lost;
}

describe("two writers with blocked event loops, and two processes that open their file", () => {
  it("lose no acknowledged record, and none of them ends early", { timeout: 900_000 }, async () => {
    // Uses a file system in memory if there is one: more commits make a collision more likely.
    const root = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
    const folder = mkdtempSync(join(root, "handlevault-stalls-"));
    const path = join(folder, "vault.lmdb");
    try {
      const reports = await Promise.all(
        PROCESSES.map(async (process) => {
          const task: StallTask = { path, durationMs, ...process };
          const report = await new Child("stall.ts", task).result<StallReport>();
          return { writer: process.writer, ...report };
        }),
      );
      expect(reports.map(({ missing }) => missing)).toEqual([0, 0, 0, 0]);
      expect(await lostOf(path, reports)).toEqual([]);
      expect(reports.map(({ attempts, openings }) => Math.max(attempts, openings) > 5)).toEqual(
        PROCESSES.map(() => true),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
