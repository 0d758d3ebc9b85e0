/** Detects that files of an open environment were removed, replaced or truncated. */
import { type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { FileIdentity } from "../file-identity.js";

/** How long a check of the data file, and of the lock files, stays valid, in milliseconds. */
const LOOK_MS = 1;
const LOCKS_LOOK_MS = 100;

/** Files that may be removed, replaced or truncated while they are open. */
export interface WatchedFiles {
  readonly isIntact: boolean;
}

/**
 * Remembers the data file and the lock file of an open environment. Writes to a data file that lost its
 * name are lost, and processes with different lock files do not exclude each other.
 */
export class EnvironmentFiles implements WatchedFiles {
  readonly #data: WatchedFiles;
  readonly #lock: WatchedFiles;
  #isTrustedUntilMs = Number.NEGATIVE_INFINITY;

  /**
   * @param path - The path of the environment: a file, or a folder.
   * @throws CacheUnavailableError One of the files is missing.
   */
  constructor(path: string) {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    const [data, lock] = isFolder
      ? [join(path, "data.mdb"), join(path, "lock.mdb")]
      : [path, `${path}-lock`];
    let looks = 0;
    // This class decides when to check again, so that each check of the identity is a new one.
    const elapsedMs = () => ++looks;
    this.#data = new FileIdentity(resolve(data), { stat: growingStat(), elapsedMs });
    this.#lock = watchLocks([lock]);
  }

  get isIntact(): boolean {
    const nowMs = performance.now();
    if (nowMs < this.#isTrustedUntilMs) return true;
    if (!this.#data.isIntact || !this.#lock.isIntact) return false;
    this.#isTrustedUntilMs = nowMs + LOOK_MS;
    return true;
  }
}

/**
 * Remembers the identities of lock files.
 *
 * @throws CacheUnavailableError One of them is missing.
 */
export function watchLocks(paths: readonly string[]): WatchedFiles {
  const [first = "", ...companions] = paths.map((path) => resolve(path));
  return new FileIdentity(first, {
    companions,
    elapsedMs: () => performance.now() / LOCKS_LOOK_MS,
  });
}

/**
 * Returns a `stat` for one file that reports the file as missing once it has become shorter. lmdb itself
 * never truncates its file.
 */
function growingStat(): (path: string) => Stats | undefined {
  let longest = 0;
  return (path) => {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined || status.size < longest) return undefined;
    longest = status.size;
    return status;
  };
}

/** Returns the cause of errors after the files were lost. */
export function filesLost(): Error {
  return new Error(
    "files of the LMDB environment were removed, replaced or truncated: open it again",
  );
}
