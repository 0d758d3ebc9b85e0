/**
 * Keeps the writers of a file still while a process opens it.
 *
 * lmdb reads the number of the last transaction from the file when it opens it, and writes that to the
 * table of locks a moment later (`mdb_env_open2` in lmdb 3.5.6). A commit of another process in that
 * moment is counted back: the next one overwrites it, acknowledged as it was, and pages are used
 * twice. Two locks of the operating system prevent that:
 *
 * - A writer passes the turnstile: it takes a shared lock on it, takes a shared lock on `writers`, and
 *   frees the turnstile. It frees `writers` when lmdb has settled its commit, however long its event
 *   loop stood still in between; the operating system does so when the process ends.
 * - An opener takes an exclusive lock on the turnstile, which no further writer can pass then, and
 *   waits for an exclusive lock on `writers`, which the present ones free one by one.
 *
 * Neither waits within a system call: an event loop must not stand still for others, and a thread of
 * the pool that does may be needed by the commit that it waits for.
 */

import { unavailable } from "./failures.js";
import { loadFileLocks } from "./lock-file.js";
import { lockFolderOf, OpeningLocks } from "./opening-locks.js";
import { joinNamespace } from "./pid-namespace.js";

/** The locks of one environment, which is open in this process or about to be. */
export class OpeningGate {
  readonly #path: string;
  #locks: OpeningLocks | undefined;
  #opening: Promise<void> | undefined;
  #writing = 0;

  /** @param path - Where the environment is: a file, or a folder. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens the lock files, and runs `open` while no process writes to the environment or opens it.
   *
   * @throws CacheUnavailableError Others go on writing or opening for too long, or the lock
   *   files cannot be used.
   * @throws CacheUnsafeError A process of another PID namespace has the environment open.
   * @throws PeerMissingError The package `fs-native-extensions` is not installed.
   */
  async openExclusively<T>(open: () => T | Promise<T>): Promise<T> {
    const locks = await acquireLocks(this.#path);
    try {
      const opened = await open();
      locks.unlock();
      this.#locks = locks;
      return opened;
    } catch (error) {
      locks.close();
      throw error;
    }
  }

  /** Opens the lock files of an environment that is open already, unless they are open, too. */
  async ready(): Promise<void> {
    if (this.#locks !== undefined) return;
    this.#opening ??= this.openExclusively(() => undefined).finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  /** Whether the lock files are still those that other processes lock. */
  get isIntact(): boolean {
    return this.#locks?.watch.isIntact === true;
  }

  /**
   * Returns whether writing may begin; if so, {@link OpeningGate.leave} has to be called after it.
   *
   * @throws Error The locks cannot be used; nothing may be written.
   */
  enter(): boolean {
    if (this.#locks === undefined) throw new Error("the lock files are closed");
    const { turnstile, writers } = this.#locks;
    if (!turnstile.tryShared()) return false;
    try {
      // The turnstile is passed each time, also by those that hold `writers`: openers would starve.
      if (this.#writing === 0 && !writers.tryShared()) return false;
      this.#writing += 1;
      return true;
    } finally {
      turnstile.unlock();
    }
  }

  /** Ends what {@link OpeningGate.enter} allowed. Never throws. */
  leave(): void {
    this.#writing -= 1;
    if (this.#writing > 0) return;
    try {
      this.#locks?.writers.unlock();
    } catch {
      // It stays locked until the process ends: no other can open the file.
    }
  }

  /** Closes the lock files, once nothing is being written any more. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    this.#locks?.close();
    this.#locks = undefined;
  }
}

/** Returns the locks of an environment, with those that keep writers and openers out. */
async function acquireLocks(path: string): Promise<OpeningLocks> {
  const peer = await loadFileLocks();
  let locks: OpeningLocks | undefined;
  try {
    locks = new OpeningLocks(await lockFolderOf(path), peer);
    await locks.lockExclusively();
    joinNamespace(locks.namespaces);
    return locks;
  } catch (error) {
    locks?.close();
    throw unavailable(error);
  }
}
