/** Whether an environment still has the files that it was opened with. */
import { type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { FileIdentity } from "../file-identity.js";

/** How long a look at the data file and at files of locks counts, in milliseconds. */
const LOOK_MS = 1;
const LOCKS_LOOK_MS = 100;

/** Says whether files are still those that were opened. */
export interface WatchedFiles {
  readonly isIntact: boolean;
}

/**
 * Remembers the data file and the lock file of an environment that is open: what is written to a file
 * that has lost its name is lost, and processes with several lock files write at the same time.
 */
export class EnvironmentFiles implements WatchedFiles {
  readonly #data: WatchedFiles;
  readonly #lock: WatchedFiles;
  #isTrustedUntilMs = Number.NEGATIVE_INFINITY;

  /**
   * @param path - Where it is: a file, or a folder.
   * @throws CacheUnavailableError One of the files is missing.
   */
  constructor(path: string) {
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    const [data, lock] = isFolder
      ? [join(path, "data.mdb"), join(path, "lock.mdb")]
      : [path, `${path}-lock`];
    let looks = 0;
    // Each look is a new one: the time between them is kept here.
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
 * Remembers files that are there to be locked.
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

/** Returns a `stat` for one file, to which it is missing once it is shorter: lmdb truncates none. */
function growingStat(): (path: string) => Stats | undefined {
  let longest = 0;
  return (path) => {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status === undefined || status.size < longest) return undefined;
    longest = status.size;
    return status;
  };
}

/** Returns the cause of what is refused once the files are lost. */
export function filesLost(): Error {
  return new Error(
    "files of the LMDB environment were removed, replaced or truncated: open it again",
  );
}
