/** Whether a path still names the file that was opened. */
import { statSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { CacheUnavailableError } from "../vault/errors.js";

/** How long a look at the file counts, in milliseconds. */
export const LOOK_MS: number = 1;

/** A file in which a committed write is found again after a restart. */
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

/** How a {@link FileIdentity} looks at its file. */
export interface FileIdentityOptions {
  /** The paths of further files that belong to it, and are lost when it is. Default: none. */
  readonly companions?: readonly string[] | undefined;
  /** The file is damaged when it is shorter than this, in bytes. Default: any length will do. */
  readonly minBytes?: number | undefined;
  /** Returns the status of a path, `undefined` if it names nothing. Default: the file system's. */
  readonly stat?: ((path: string) => FileStatus | undefined) | undefined;
  /** Returns milliseconds since some moment. Default: the process's. */
  readonly elapsedMs?: (() => number) | undefined;
}

/**
 * Remembers a file by its device and inode. What is written to a file that was removed or replaced
 * goes with the descriptor: another process, or the next opening, finds none of it.
 *
 * It never opens the file: closing any descriptor of it would drop the POSIX locks of the process.
 */
export class FileIdentity implements WatchedFile {
  readonly #options: FileIdentityOptions;
  readonly #files: readonly OpenedFile[];
  #isLost = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  /**
   * Remembers the file that `path` names now: call it once the file is open.
   *
   * @throws {@link CacheUnavailableError} There is none, or a companion is missing.
   */
  constructor(path: string, options: FileIdentityOptions = {}) {
    this.#options = options;
    const { minBytes = 0, companions = [] } = options;
    const others = companions.map((companion) => this.#remember(companion, 0));
    this.#files = [this.#remember(path, minBytes), ...others];
  }

  /**
   * Tells whether the paths still name these files; looks at most once a millisecond. Once it names
   * another or none, the answer stays: a file that is put back lacks what was written meanwhile. A
   * path that cannot be looked at now may be looked at again.
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

  /** More links than before are a backup's; none at all are a file that was removed. */
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

/** A file as it was when it was opened. */
interface OpenedFile extends Pick<FileStatus, "dev" | "ino"> {
  readonly path: string;
  readonly minBytes: number;
}
