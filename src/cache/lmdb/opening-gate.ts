/**
 * Prevents writes to a file while a process opens it.
 *
 * When lmdb opens a file, it reads the number of the last transaction from the file and writes it to the
 * lock table a moment later (`mdb_env_open2` in lmdb 3.5.6). If another process commits in between, that
 * number is too low: the next transaction overwrites the acknowledged commit, and pages are used twice.
 * Two locks of the operating system prevent that:
 *
 * - A writer passes the turnstile: it takes a shared lock on the turnstile, takes a shared lock on
 *   `writers`, and releases the turnstile. It releases `writers` when lmdb has settled its commit, however
 *   long its event loop was blocked in between. If the process ends, the operating system releases it.
 * - An opener takes an exclusive lock on the turnstile, so that no further writer can pass, and then waits
 *   for an exclusive lock on `writers`, which the current writers release one by one.
 *
 * Neither waits in a system call. That would block the event loop, or a thread of the pool that the
 * awaited commit may need.
 */

import { unavailable } from "./failures.js";
import { loadFileLocks } from "./lock-file.js";
import { lockFolderOf, OpeningLocks } from "./opening-locks.js";
import { joinNamespace } from "./pid-namespace.js";

/** The locks of one environment that this process has open, or is about to open. */
export class OpeningGate {
  readonly #path: string;
  #locks: OpeningLocks | undefined;
  #opening: Promise<void> | undefined;
  #writing = 0;

  /** @param path - The path of the environment: a file, or a folder. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Opens the lock files, and runs `open` while no process writes to the environment or opens it.
   *
   * @throws CacheUnavailableError Other processes write or open the file for too long, or the
   *   lock files cannot be used.
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

  /** Opens the lock files of an environment that is open already. Does nothing if they are open. */
  async ready(): Promise<void> {
    if (this.#locks !== undefined) return;
    this.#opening ??= this.openExclusively(() => undefined).finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  /** Whether other processes still lock the same lock files. */
  get isIntact(): boolean {
    return this.#locks?.watch.isIntact === true;
  }

  /**
   * Returns whether a write may begin. If so, the caller must call {@link OpeningGate.leave} after it.
   *
   * @throws Error The locks cannot be used; no write may begin.
   */
  enter(): boolean {
    if (this.#locks === undefined) throw new Error("the lock files are closed");
    const { turnstile, writers } = this.#locks;
    if (!turnstile.tryShared()) return false;
    try {
      // Each write passes the turnstile, even if `writers` is held already: otherwise openers would starve.
      if (this.#writing === 0 && !writers.tryShared()) return false;
      this.#writing += 1;
      return true;
    } finally {
      turnstile.unlock();
    }
  }

  /** Ends a write that {@link OpeningGate.enter} allowed. Never throws. */
  leave(): void {
    this.#writing -= 1;
    if (this.#writing > 0) return;
    try {
      this.#locks?.writers.unlock();
    } catch {
      // The lock stays until the process ends: until then no other process can open the file.
    }
  }

  /** Closes the lock files. The caller ensures that all writes have ended. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    this.#locks?.close();
    this.#locks = undefined;
  }
}

/** Opens the lock files of an environment, and takes the locks that exclude writers and openers. */
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
