/** The lock files of one environment, in a folder of their own next to its data file. */
import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Deadline } from "../deadline.js";
import { dataFileOf } from "./database-file.js";
import { type WatchedFiles, watchLocks } from "./environment-files.js";
import { type FileLocks, LockFile } from "./lock-file.js";

/** How long an opener waits for the others. */
const OPENING_TIMEOUT_MS = 15_000;
/**
 * How long it keeps writers waiting for one of them that does not end its commit; then it lets them
 * pass and tries again. Shorter than writes wait by default.
 */
const TURNSTILE_TIMEOUT_MS = 1000;
/** Pauses stay short, as commits are. */
const LONGEST_PAUSE_ATTEMPT = 4;

export class OpeningLocks {
  /** Passed by each writer, and held by an opener. */
  readonly turnstile: LockFile;
  /** Held by writers while they write. */
  readonly writers: LockFile;
  /** Held by processes that have the environment open. */
  readonly namespaces: LockFile;
  /** Others that have lock files of the same names, but not these, would not be kept out. */
  readonly watch: WatchedFiles;
  readonly #files: LockFile[] = [];

  constructor(folder: string, peer: FileLocks) {
    const open = (name: string): LockFile => {
      const file = new LockFile(join(folder, name), peer);
      this.#files.push(file);
      return file;
    };
    try {
      this.turnstile = open("turnstile");
      this.writers = open("writers");
      this.namespaces = open("namespaces");
      this.watch = watchLocks(
        ["turnstile", "writers", "namespaces"].map((name) => join(folder, name)),
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Waits until nothing is being written or opened by others, and keeps them from beginning.
   *
   * @throws Error They go on for too long.
   */
  async lockExclusively(): Promise<void> {
    const deadline = new Deadline({ timeoutMs: OPENING_TIMEOUT_MS });
    const isAlone = async () => this.turnstile.tryExclusive() && this.#outlastWriters(deadline);
    if (await becomesTrue(isAlone, deadline)) return;
    throw new Error("other processes go on writing to the file, or opening it");
  }

  unlock(): void {
    // The turnstile last: a writer that has passed it finds `writers` free.
    this.writers.unlock();
    this.turnstile.unlock();
  }

  /** Closes the files, which frees their locks. */
  close(): void {
    for (const file of this.#files) file.close();
  }

  /** Waits for the writers that have passed the turnstile, and gives it back if they take too long. */
  async #outlastWriters({ remainingMs }: Deadline): Promise<boolean> {
    const patience = new Deadline({ timeoutMs: Math.min(TURNSTILE_TIMEOUT_MS, remainingMs) });
    if (await becomesTrue(async () => this.writers.tryExclusive(), patience)) return true;
    this.turnstile.unlock();
    return false;
  }
}

async function becomesTrue(attempt: () => Promise<boolean>, deadline: Deadline): Promise<boolean> {
  for (let attempts = 1; !(await attempt()); attempts++) {
    if (deadline.hasPassed) return false;
    await deadline.pause(Math.min(attempts, LONGEST_PAUSE_ATTEMPT));
  }
  return true;
}

/**
 * Returns the folder for the lock files of an environment, which is there afterwards.
 *
 * @param path - What lmdb is given: a file, or a folder. One that is not there yet is a file.
 * @throws Error The path cannot be used, or looks like a folder's to lmdb and is not there yet.
 */
export async function lockFolderOf(path: string): Promise<string> {
  const folder = `${await dataFileOf(path)}-gate`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!lstatSync(folder).isDirectory()) throw new Error("not a folder of its own");
  return folder;
}
