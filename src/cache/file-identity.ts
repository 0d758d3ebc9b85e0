/** Detects that a path no longer names the file that was opened. */
import { statSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { CacheUnavailableError } from "../vault/errors.js";

/** How long one check of the file stays valid, in milliseconds. */
export const LOOK_MS: number = 1;

/** A database file that may be removed or replaced while it is open. */
export interface WatchedFile {
  /** Whether the path still names the file that is open. */
  readonly isIntact: boolean;
}

/** The part of a file's status that is compared. */
export interface FileStatus {
  readonly dev: number;
  readonly ino: number;
  readonly nlink: number;
  readonly size: number;
}

/** Options of {@link FileIdentity}. */
export interface FileIdentityOptions {
  /** The paths of further files that must stay in place, too. Default: none. */
  readonly companions?: readonly string[] | undefined;
  /** The least length of an intact file, in bytes. Default: any length. */
  readonly minBytes?: number | undefined;
  /** Returns the status of a path, `undefined` if it does not exist. Default: the file system's. */
  readonly stat?: ((path: string) => FileStatus | undefined) | undefined;
  /** Returns milliseconds since some moment. Default: `performance.now()`. */
  readonly elapsedMs?: (() => number) | undefined;
}

/**
 * Remembers a file by its device and inode. Data written to a file that was removed or replaced is lost
 * when its descriptor is closed: no other process, and no later opening of the path, finds it.
 *
 * It never opens the file, because closing any descriptor would drop the process's POSIX locks on it.
 */
export class FileIdentity implements WatchedFile {
  readonly #options: FileIdentityOptions;
  readonly #files: readonly OpenedFile[];
  #isLost = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /**
   * Remembers the file that `path` names now. Call it after the file was opened.
   *
   * @throws {@link CacheUnavailableError} The file or a companion is missing.
   */
  constructor(path: string, options: FileIdentityOptions = {}) {
    this.#options = options;
    const { minBytes = 0, companions = [] } = options;
    const others = companions.map((companion) => this.#remember(companion, 0));
    this.#files = [this.#remember(path, minBytes), ...others];
  }

  /**
   * Whether the paths still name these files; checked at most once a millisecond. Once a path named
   * another file or none, this stays false, because a file that was put back lacks the writes made in
   * between. If a path cannot be checked, it is false now and checked again later.
   */
  get isIntact(): boolean {
    if (this.#isLost) return false;
    const nowMs = this.#options.elapsedMs?.() ?? performance.now();
    if (nowMs - this.#lookedAtMs < LOOK_MS) return true;
    try {
      this.#isLost = !this.#files.every((file) => this.#isSame(file));
    } catch {
      return false;
    }
    this.#lookedAtMs = nowMs;
    return !this.#isLost;
  }

  /** Whether a path was seen to name another file or none: that answer stays. */
  get isLost(): boolean {
    return this.#isLost;
  }

  #remember(path: string, minBytes: number): OpenedFile {
    const status = this.#stat(path);
    if (status === undefined) throw new CacheUnavailableError();
    return { path, minBytes, dev: status.dev, ino: status.ino };
  }

  /** Returns whether a file is unchanged. A backup may add links; no links mean that it was removed. */
  #isSame({ path, minBytes, dev, ino }: OpenedFile): boolean {
    const status = this.#stat(path);
    if (status === undefined || status.nlink === 0 || status.size < minBytes) return false;
    return status.dev === dev && status.ino === ino;
  }

  #stat(path: string): FileStatus | undefined {
    const { stat } = this.#options;
    return stat === undefined ? statSync(path, { throwIfNoEntry: false }) : stat(path);
  }
}

/** The identity of a file when it was opened. */
interface OpenedFile extends Pick<FileStatus, "dev" | "ino"> {
  readonly path: string;
  readonly minBytes: number;
}
