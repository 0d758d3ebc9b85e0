/** Free space on the disk of a database: records must be removable even when the disk is full. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { type After, afterUnref } from "../../primitives/after.js";
import type { WatchedFile } from "../file-identity.js";
import { RESERVE_FILE_BYTES, ReserveFile } from "./reserve-file.js";
import { prepareRaw, queryValue, type SqliteConnection } from "./vendor.js";

/** The free space that a write queue asks for. */
export interface FreeSpace {
  /** Called before a transaction with inserts of `bytes` in total, before any of them is admitted. */
  onBatch(bytes: number): void;
  /** Reserves space for an insert of `bytes`. Returns false if there is too little. */
  admits(bytes: number): boolean;
  /** Frees the space that is reserved for removals. */
  releaseReserve(): void;
  /** Called after a commit of `bytes`. */
  onCommitted(bytes: number): void;
  /** Called when a write failed because the disk was full. */
  onFull(): void;
}

/** Admits every write: for a database whose disk is not measured. */
export const UNBOUNDED: FreeSpace = {
  onBatch: () => {},
  admits: () => true,
  releaseReserve: () => {},
  onCommitted: () => {},
  onFull: () => {},
};

/** Inserts leave this many bytes free for removals. */
const RESERVED_BYTES = 2 ** 18;
/** Below this many free bytes, each commit is followed by a checkpoint (WAL into database). */
const TIGHT_BYTES = 2 ** 24;
/** Above this many free bytes the disk will not fill up soon. */
const AMPLE_BYTES = 2 ** 30;
/**
 * The WAL is checkpointed after this many bytes, by level of free space. The usual amount must fit into
 * the space of the reserve file.
 */
const PENDING_BYTES = { tight: 0, usual: 1.5 * 2 ** 20, ample: 2 ** 24 } as const;
/** A checkpoint follows a commit after this time at the latest. */
const PENDING_MS = 1000;
/** If a reader blocked part of a checkpoint, it is repeated after this time. */
const READER_MS = 10_000;
/** A WAL that grew because of a reader is truncated to this size after a complete checkpoint. */
export const KEPT_LOG_BYTES: number = 2 ** 25;
/** The same in WAL frames, for pages of the usual size. */
const KEPT_FRAMES = KEPT_LOG_BYTES / 4096;
/** An insert is written twice, to the WAL and to the database, in whole pages. */
const COPIES = 2;
const PAGES_BYTES = 32_768;
/** Free space is measured again once inserts have used this fraction of it, or this many bytes. */
const BUDGET_PART = 4;
const MAX_BUDGET_BYTES = 2 ** 26;
/** How long, and for how many bytes, a check of the reserve file stays valid. A check takes a microsecond. */
const UNSEEN_MS = 1;
const UNSEEN_BYTES = 65_536;
/** Free pages are returned in steps small enough for their own writes to fit on a full disk. */
const RECLAIM_PAGES = 32;
const MAX_RECLAIM_STEPS = 64;

/** The result of a checkpoint: whether all of the WAL was copied, and the length of the WAL. */
interface Checkpoint {
  readonly isComplete: boolean;
  readonly frames: number;
}

/** The parts of a {@link DiskFreeSpace}. */
export interface DiskFreeSpaceParts {
  readonly connection: SqliteConnection;
  readonly path: string;
  readonly file: WatchedFile;
  /** Default: a timer that does not keep the process alive. */
  readonly after?: After | undefined;
}

/** Measures the free space on the disk of a database, and maintains a reserve file beside it. */
export class DiskFreeSpace implements FreeSpace {
  readonly #connection: SqliteConnection;
  readonly #directory: string;
  readonly #file: WatchedFile;
  readonly #reserve: ReserveFile;
  /** The bytes that inserts may still use before free space is measured again. */
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
    // Another process deleted the reserve file because it needs the space for removals: admit no
    // inserts into that space.
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

  /** Cancels a scheduled checkpoint. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #settle(): void {
    this.close();
    this.#pending = 0;
    // Another file may be at the path now; a checkpoint into it would damage it.
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

  /** Returns free pages to the file system until `required` bytes are available. Returns whether they are. */
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

  /** Copies the WAL into the database, except for the part that a reader still needs. */
  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): Checkpoint {
    try {
      const statement = prepareRaw(this.#connection, `PRAGMA main.wal_checkpoint(${mode})`);
      const [isBlocked, frames, copied] = statement.get() as [number, number, number];
      return { isComplete: isBlocked === 0 && frames === copied, frames };
    } catch {
      return { isComplete: false, frames: 0 };
    }
  }

  /**
   * Returns the available bytes. If the file system does not report them, it returns a large number, and a
   * full disk is noticed when a write fails.
   */
  #available(): number {
    try {
      const { bavail, bsize } = statfsSync(this.#directory);
      return bavail * bsize;
    } catch {
      return Number.MAX_SAFE_INTEGER;
    }
  }
}
