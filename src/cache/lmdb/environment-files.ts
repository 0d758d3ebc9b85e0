/** Whether an environment still has the files that it was opened with. */
import { type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { FileIdentity } from "../file-identity.js";

/**
 * Remembers the data file and the lock file of an environment that is open: what is written to a file
 * that has lost its name is lost, and processes with several lock files write at the same time.
 *
 * @param path - Where it is: a file, or a folder.
 * @throws {@link CacheUnavailableError} One of the files is missing.
 */
export function filesOf(path: string): FileIdentity {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const [data, lock] = isFolder
    ? [join(path, "data.mdb"), join(path, "lock.mdb")]
    : [path, `${path}-lock`];
  return new FileIdentity(resolve(data), { companions: [resolve(lock)], stat: growingStat() });
}

/** Returns a `stat` to which files that have become shorter are missing: lmdb truncates none. */
function growingStat(): (path: string) => Stats | undefined {
  const sizes = new Map<string, number>();
  return (path) => {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined || status.size < (sizes.get(path) ?? 0)) return undefined;
    sizes.set(path, status.size);
    return status;
  };
}

/** Returns the cause of what is refused once the files are lost. */
export function filesLost(): Error {
  return new Error(
    "files of the LMDB environment were removed, replaced or truncated: open it again",
  );
}
