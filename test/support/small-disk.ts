/** A small file system that fills up quickly. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly directory: string;
  /** Unmounts the file system and discards its contents. */
  remove(): void;
}

/** Mounts a file system of this many mebibytes, in memory; `undefined` if that is not permitted. */
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

/** The reason for skipping tests that need a small disk. */
export const NO_SMALL_DISK = "mounting a file system is not permitted here: run as root";
