/**
 * Prevents processes of different PID namespaces (containers) from using one file: lmdb identifies its
 * readers by their process ids, and crashes processes when two of them have the same id.
 */
import { statSync } from "node:fs";
import { platform } from "node:os";
import { CacheUnsafeError } from "../../vault/errors.js";
import type { LockFile, LockRange } from "./lock-file.js";

/**
 * Takes a shared lock that represents the PID namespace of this process: on the byte whose offset is the
 * namespace's inode. The caller ensures that only one process does so at a time.
 *
 * @throws {@link CacheUnsafeError} A process of another namespace holds its lock.
 * @throws Error The namespace cannot be determined: on Linux without `/proc`.
 */
export function joinNamespace(file: LockFile): void {
  // Other systems have no PID namespaces.
  if (platform() !== "linux") return;
  const { ino } = statSync("/proc/self/ns/pid");
  const others: readonly LockRange[] = [
    { offset: 0, length: ino },
    { offset: ino + 1, length: 0 },
  ];
  const isAlone =
    file.tryShared({ offset: ino, length: 1 }) && others.every((range) => file.tryExclusive(range));
  for (const range of others) file.unlock(range);
  if (!isAlone) throw new CacheUnsafeError("several-pid-namespaces");
}
