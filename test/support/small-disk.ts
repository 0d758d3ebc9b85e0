/** A file system so small that it is soon full. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly directory: string;
  /** Unmounts it, with all that is on it. */
  remove(): void;
}

/** Mounts a file system of this many mebibytes, in memory; `undefined` where that is not permitted. */
export function mountSmallDisk(mebibytes: number): SmallDisk | undefined {
  const directory = mkdtempSync(join(tmpdir(), "handlevault-disk-"));
  try {
    const size = `size=${mebibytes}m`;
    execFileSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", directory], { stdio: "ignore" });
  } catch {
    rmSync(directory, { recursive: true });
    return undefined;
  }
  return {
    directory,
    remove: () => {
      execFileSync("umount", ["--lazy", directory]);
      rmSync(directory, { recursive: true });
    },
  };
}

/** Why tests with a small disk are skipped, where they are. */
export const NO_SMALL_DISK = "mounting a file system is not permitted here: run as root";
