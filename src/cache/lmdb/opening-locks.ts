/** The lock files of one environment, in a folder next to its data file. */
import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Deadline } from "../deadline.js";
import { dataFileOf } from "./database-file.js";
import { type WatchedFiles, watchLocks } from "./environment-files.js";
import { type FileLocks, LockFile } from "./lock-file.js";

/** How long an opener waits for other processes. */
const OPENING_TIMEOUT_MS = 15_000;
/**
 * How long an opener holds back further writers while it waits for a slow one. Then it lets them pass and
 * tries again. Shorter than the default time limit of a write.
 */
const TURNSTILE_TIMEOUT_MS = 1000;
/** Limits the pauses, because commits are short. */
const LONGEST_PAUSE_ATTEMPT = 4;

export class OpeningLocks {
  /** Locked briefly by each writer, and for longer by an opener. */
  readonly turnstile: LockFile;
  /** Locked by writers while they write. */
  readonly writers: LockFile;
  /** Locked by processes that have the environment open. */
  readonly namespaces: LockFile;
  /** Detects replaced lock files: processes with other files of the same names would not be excluded. */
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
   * Waits until no other process writes to the file or opens it, and prevents others from starting.
   *
   * @throws Error Other processes take too long.
   */
  async lockExclusively(): Promise<void> {
    const deadline = new Deadline({ timeoutMs: OPENING_TIMEOUT_MS });
    const isAlone = async () => this.turnstile.tryExclusive() && this.#outlastWriters(deadline);
    if (await becomesTrue(isAlone, deadline)) return;
    throw new Error("other processes go on writing to the file, or opening it");
  }

  unlock(): void {
    // The turnstile last, so that a writer that passes it finds `writers` unlocked.
    this.writers.unlock();
    this.turnstile.unlock();
  }

  /** Closes the files, which frees their locks. */
  close(): void {
    for (const file of this.#files) file.close();
  }

  /** Waits for writers that have passed the turnstile. Releases the turnstile if they take too long. */
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
 * Returns the folder for the lock files of an environment, which is created if it does not exist.
 *
 * @param path - The path given to lmdb: a file, or a folder. A path that does not exist means a file.
 * @throws Error The path cannot be used, or does not exist and lmdb would treat it as a folder.
 */
export async function lockFolderOf(path: string): Promise<string> {
  const folder = `${await dataFileOf(path)}-gate`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!lstatSync(folder).isDirectory()) throw new Error("not a folder of its own");
  return folder;
}
