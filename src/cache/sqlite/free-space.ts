/** The room on the disk of a database file: removals must work even when there is none left. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { type After, afterUnref } from "../../primitives/after.js";
import type { WatchedFile } from "./database-file.js";
import { RESERVE_FILE_BYTES, ReserveFile } from "./reserve-file.js";
import { prepareRaw, queryValue, type SqliteConnection } from "./vendor.js";

/** The room on the disk. */
export interface FreeSpace {
  /** Told that a transaction with inserts of so many bytes is about to begin, before they are admitted. */
  onBatch(bytes: number): void;
  /** Tells whether there is room for so many bytes more. */
  admits(bytes: number): boolean;
  /** Gives up what was kept in reserve for removals. */
  releaseReserve(): void;
  /** Told of bytes that were committed. */
  onCommitted(bytes: number): void;
  /** Told that there was less room than it thought. */
  onFull(): void;
}

/** The room of a database whose disk is not watched. */
export const UNBOUNDED: FreeSpace = {
  onBatch: () => {},
  admits: () => true,
  releaseReserve: () => {},
  onCommitted: () => {},
  onFull: () => {},
};

/** Inserts leave this many bytes to the removals. */
const RESERVED_BYTES = 2 ** 18;
/** With less room than this, bytes, every commit is copied from the WAL into the database at once. */
const TIGHT_BYTES = 2 ** 24;
/** With more than this, a full disk is not the next thing to happen. */
const AMPLE_BYTES = 2 ** 30;
/** Otherwise it is copied when there are so many bytes: they must fit into the place of the ballast. */
const PENDING_BYTES = { tight: 0, usual: 1.5 * 2 ** 20, ample: 2 ** 24 } as const;
/** Nothing stays in the WAL alone for much longer than this, unless a reader still needs it. */
const PENDING_MS = 1000;
/** Then it is tried again after this time. */
const READER_MS = 10_000;
/** A WAL that a reader made grow is cut to this size once all of it was copied. */
export const KEPT_LOG_BYTES: number = 2 ** 25;
/** That many bytes in frames of pages of the usual size. */
const KEPT_FRAMES = KEPT_LOG_BYTES / 4096;
/** An insert counts for several times its bytes: the WAL, then the database, in whole pages. */
const COPIES = 2;
const PAGES_BYTES = 32_768;
/** The room is measured anew when this part of it, or as many bytes, have been used. */
const BUDGET_PART = 4;
const MAX_BUDGET_BYTES = 2 ** 26;
/** The ballast, which takes a microsecond to look at, is looked at again after this time, or so many bytes. */
const UNSEEN_MS = 1;
const UNSEEN_BYTES = 65_536;
/** Free pages are given back in steps whose own writes find room, and in so many at the most. */
const RECLAIM_PAGES = 32;
const MAX_RECLAIM_STEPS = 64;

/** The outcome of a checkpoint: whether all of the WAL was copied, and how long the WAL is. */
interface Checkpoint {
  readonly isComplete: boolean;
  readonly frames: number;
}

/** What a {@link DiskFreeSpace} works with. */
export interface DiskFreeSpaceParts {
  readonly connection: SqliteConnection;
  readonly path: string;
  readonly file: WatchedFile;
  /** Default: a timer that does not keep the process alive. */
  readonly after?: After | undefined;
}

/** Measures the room of a file's disk, and keeps a ballast beside it. */
export class DiskFreeSpace implements FreeSpace {
  readonly #connection: SqliteConnection;
  readonly #directory: string;
  readonly #file: WatchedFile;
  readonly #reserve: ReserveFile;
  /** How many bytes inserts may still use before the room is measured again. */
  #budget = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #unseenBytes = 0;
  #pending = 0;
  #level: keyof typeof PENDING_BYTES = "usual";
  readonly #after: After;
  #cancel: (() => void) | undefined;

  constructor({ connection, path, file, after = afterUnref }: DiskFreeSpaceParts) {
    this.#connection = connection;
    this.#file = file;
    this.#after = after;
    this.#directory = dirname(path);
    this.#reserve = new ReserveFile(`${path}-ballast`);
    if (this.#available() >= RESERVE_FILE_BYTES + RESERVED_BYTES) this.#reserve.restore();
  }

  onBatch(bytes: number): void {
    const nowMs = performance.now();
    this.#unseenBytes += bytes;
    if (nowMs - this.#lookedAtMs < UNSEEN_MS && this.#unseenBytes < UNSEEN_BYTES) return;
    this.#lookedAtMs = nowMs;
    this.#unseenBytes = 0;
    // Another process needs the room of the ballast for its removals: nothing may take it from them.
    if (this.#budget > 0 && !this.#reserve.isThere) this.#budget = 0;
  }

  onFull(): void {
    this.#budget = 0;
  }

  admits(bytes: number): boolean {
    const needed = COPIES * bytes + PAGES_BYTES;
    if (needed > this.#budget && !this.#measure(needed)) return false;
    this.#budget -= needed;
    return true;
  }

  releaseReserve(): void {
    this.#budget = 0;
    this.#level = "tight";
    this.#reserve.drop();
    this.#checkpoint("TRUNCATE");
  }

  onCommitted(bytes: number): void {
    this.#pending += bytes;
    if (this.#pending >= PENDING_BYTES[this.#level]) this.#settle();
    else this.#cancel ??= this.#after(PENDING_MS, () => this.#settle());
  }

  /** Stops whatever was to be done later. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #settle(): void {
    this.close();
    this.#pending = 0;
    // What is at the path now belongs to others: copying into it would damage it.
    if (!this.#file.isIntact) return;
    const { isComplete, frames } = this.#checkpoint("PASSIVE");
    if (!isComplete) this.#cancel = this.#after(READER_MS, () => this.#settle());
    else if (frames > KEPT_FRAMES) this.#checkpoint("TRUNCATE");
  }

  #measure(needed: number): boolean {
    this.#budget = 0;
    const missing = this.#reserve.isThere ? 0 : RESERVE_FILE_BYTES;
    const required = needed + RESERVED_BYTES + missing;
    if (this.#available() < required && !this.#reclaim(required)) return false;
    if (missing > 0 && !this.#reserve.restore()) return false;
    const available = this.#available();
    this.#level = available < TIGHT_BYTES ? "tight" : available < AMPLE_BYTES ? "usual" : "ample";
    const budget = Math.min(MAX_BUDGET_BYTES, (available - RESERVED_BYTES) / BUDGET_PART);
    this.#budget = Math.max(needed, budget);
    return true;
  }

  /** Gives free pages of the database back to the file system until so many bytes are available. */
  #reclaim(required: number): boolean {
    for (let step = 0; step < MAX_RECLAIM_STEPS; step++) {
      if (!this.#checkpoint("TRUNCATE").isComplete) return false;
      if (this.#available() >= required) return true;
      if (!this.#vacuum()) return false;
    }
    return false;
  }

  #vacuum(): boolean {
    try {
      if (queryValue(this.#connection, "PRAGMA main.freelist_count") === 0) return false;
      this.#connection.exec(`PRAGMA main.incremental_vacuum(${RECLAIM_PAGES})`);
      return true;
    } catch {
      return false;
    }
  }

  /** Copies what the WAL holds into the database, as far as no reader still needs it. */
  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): Checkpoint {
    try {
      const statement = prepareRaw(this.#connection, `PRAGMA main.wal_checkpoint(${mode})`);
      const [isBlocked, frames, copied] = statement.get() as [number, number, number];
      return { isComplete: isBlocked === 0 && frames === copied, frames };
    } catch {
      return { isComplete: false, frames: 0 };
    }
  }

  /** How many bytes are available; where that cannot be asked, it shows when there are none. */
  #available(): number {
    try {
      const { bavail, bsize } = statfsSync(this.#directory);
      return bavail * bsize;
    } catch {
      return Number.MAX_SAFE_INTEGER;
    }
  }
}
