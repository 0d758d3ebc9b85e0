/**
 * A file whose only purpose is to be locked.
 *
 * The locks belong to the open file description: the operating system frees them when the process
 * ends, however it ends, and never while its event loop stands still. Two openings of one file within
 * a process exclude each other as well, and closing one keeps the locks of the other.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { loadPeer } from "../../load-peer.js";

/** The part of the package `fs-native-extensions` that is called, described by its shape. */
export interface FileLocks {
  tryLock(fd: number, offset: number, length: number, options: object): boolean;
  unlock(fd: number, offset: number, length: number): void;
}

/** A range of bytes; a length of 0 reaches to the end of all offsets. */
export interface LockRange {
  readonly offset: number;
  readonly length: number;
}

/** macOS locks nothing else. */
const WHOLE: LockRange = { offset: 0, length: 0 };
const SHARED = { shared: true };
const EXCLUSIVE = { shared: false };
/** What systems other than Linux answer where a lock is held. */
const LOCKED_CODES: ReadonlySet<unknown> = new Set(["EACCES", "EBUSY"]);

/**
 * Loads what locks files.
 *
 * @throws PeerMissingError The package `fs-native-extensions` is not installed.
 * @throws PeerBrokenError It is installed but does not load.
 */
export async function loadFileLocks(): Promise<FileLocks> {
  return loadPeer("fs-native-extensions", () => import("fs-native-extensions"));
}

export class LockFile {
  readonly #fd: number;
  readonly #locks: FileLocks;

  /** Creates the file if it is not there, readable by its owner alone; refuses symbolic links. */
  constructor(path: string, locks: FileLocks) {
    const { O_RDWR, O_CREAT, O_NOFOLLOW = 0 } = constants;
    this.#fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    this.#locks = locks;
    if (fstatSync(this.#fd).isFile()) return;
    this.close();
    throw new Error("not a regular file");
  }

  /** Returns false while an exclusive lock of others is held. */
  tryShared(range: LockRange = WHOLE): boolean {
    return this.#try(range, SHARED);
  }

  /** Returns false while any lock of others is held. */
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
