import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compiledChild } from "../support/children.js";
import { mountSmallDisk, NO_SMALL_DISK, type SmallDisk } from "../support/small-disk.js";

const CHILD = compiledChild("test/support/lmdb-disk-full.ts");
const DISK_MEBIBYTES = 96;
const PATIENCE_MS = 300_000;

vi.setConfig({ testTimeout: PATIENCE_MS });

let disk: SmallDisk | undefined;

afterEach(() => {
  disk?.remove();
  disk = undefined;
});

/** Runs the child process on a small disk. Returns its report and its exit status. */
function fillDisk(small: SmallDisk, mode: string): { status: number | null; report: unknown } {
  const args = [CHILD, join(small.directory, "c.mdb"), mode];
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    timeout: PATIENCE_MS,
    killSignal: "SIGKILL",
  });
  return { status, report: JSON.parse(stdout || "null") };
}

describe("an LMDB cache on a full disk", () => {
  it("is full while there is space for deletions, and loses nothing", ({ skip }) => {
    disk = mountSmallDisk(DISK_MEBIBYTES);
    if (disk === undefined) return skip(NO_SMALL_DISK);
    const { status, report } = fillDisk(disk, "fill");
    expect(report).toEqual({
      codes: ["ERR_VAULT_CACHE_FULL"],
      acknowledged: expect.any(Number),
      unreadable: 0,
      deletion: true,
      again: "inserted",
      unhandled: [],
    });
    expect(status).toBe(0);
  });

  it("refuses writes after a failed transaction, and loses nothing", ({ skip }) => {
    disk = mountSmallDisk(DISK_MEBIBYTES);
    if (disk === undefined) return skip(NO_SMALL_DISK);
    const { status, report } = fillDisk(disk, "steal");
    expect(report).toEqual({
      codes: [expect.stringMatching(/^ERR_VAULT_(OUTCOME_UNKNOWN|CACHE_FULL)$/)],
      acknowledged: expect.any(Number),
      unreadable: 0,
      deletion: "ERR_VAULT_CACHE_UNAVAILABLE",
      again: "ERR_VAULT_CACHE_UNAVAILABLE",
      unhandled: [],
    });
    expect(status).toBe(0);
  });
});
