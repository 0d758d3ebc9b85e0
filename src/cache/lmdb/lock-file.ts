/**
 * A file that only serves to be locked.
 *
 * The locks belong to the open file description. The operating system frees them when the process ends,
 * even if it crashes, and never while its event loop is blocked. Two openings of a file within one process
 * exclude each other, too, and closing one keeps the locks of the other.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { loadPeer } from "../../load-peer.js";

/** The part of the package `fs-native-extensions` that is called, as a structural type. */
export interface FileLocks {
  tryLock(fd: number, offset: number, length: number, options: object): boolean;
  unlock(fd: number, offset: number, length: number): void;
}

/** A range of bytes; a length of 0 means up to the largest offset. */
export interface LockRange {
  readonly offset: number;
  readonly length: number;
}

/** The whole file: the only range that macOS can lock. */
const WHOLE: LockRange = { offset: 0, length: 0 };
const SHARED = { shared: true };
const EXCLUSIVE = { shared: false };
/** The error codes of systems other than Linux for a lock that is held. */
const LOCKED_CODES: ReadonlySet<unknown> = new Set(["EACCES", "EBUSY"]);

/**
 * Loads the package that locks files.
 *
 * @throws PeerMissingError The package `fs-native-extensions` is not installed.
 * @throws PeerBrokenError The package is installed but does not load.
 */
export async function loadFileLocks(): Promise<FileLocks> {
  return loadPeer("fs-native-extensions", () => import("fs-native-extensions"));
}

export class LockFile {
  readonly #fd: number;
  readonly #locks: FileLocks;

  /** Opens the file. Creates it if necessary, readable by its owner only. Refuses symbolic links. */
  constructor(path: string, locks: FileLocks) {
    const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants;
    this.#fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    this.#locks = locks;
    if (fstatSync(this.#fd).isFile()) return;
    this.close();
    throw new Error("not a regular file");
  }

  /** Takes a shared lock. Returns false while another opening holds an exclusive lock. */
  tryShared(range: LockRange = WHOLE): boolean {
    return this.#try(range, SHARED);
  }

  /** Takes an exclusive lock. Returns false while another opening holds any lock. */
  tryExclusive(range: LockRange = WHOLE): boolean {
    return this.#try(range, EXCLUSIVE);
  }

  unlock({ offset, length }: LockRange = WHOLE): void {
    this.#locks.unlock(this.#fd, offset, length);
  }

  /** Closes the file, which frees its locks. */
  close(): void {
    closeSync(this.#fd);
  }

  #try({ offset, length }: LockRange, options: object): boolean {
    try {
      return this.#locks.tryLock(this.#fd, offset, length, options);
    } catch (error) {
      if (LOCKED_CODES.has((error as NodeJS.ErrnoException).code)) return false;
      throw error;
    }
  }
}
