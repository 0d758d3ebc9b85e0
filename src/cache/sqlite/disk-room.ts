/** The room on the disk of a database file: removals must work even when there is none left. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "../../primitives/timers.js";
import { BALLAST_BYTES, Ballast } from "./ballast.js";
import { queryValue, type SqliteConnection } from "./connection.js";
import type { Room } from "./write-queue.js";

/** Inserts leave this many bytes to the removals. */
const RESERVED_BYTES = 2 ** 18;
/** With less room than this, bytes, every commit is copied from the WAL into the database at once. */
const TIGHT_BYTES = 2 ** 24;
/** With more than this, a full disk is not the next thing to happen. */
const AMPLE_BYTES = 2 ** 30;
/** Otherwise it is copied when there are so many bytes: they must fit into the place of the ballast. */
const PENDING_BYTES = { tight: 0, usual: 1.5 * 2 ** 20, ample: 2 ** 24 } as const;
/** Nothing stays in the WAL alone for much longer than this. */
const PENDING_MS = 1000;
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

/** Measures the room of a file's disk, and keeps a ballast beside it. */
export class DiskRoom implements Room {
  readonly #connection: SqliteConnection;
  readonly #directory: string;
  readonly #ballast: Ballast;
  /** How many bytes inserts may still use before the room is measured again. */
  #budget = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #unseenBytes = 0;
  #pending = 0;
  #room: keyof typeof PENDING_BYTES = "usual";
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: SqliteConnection, path: string) {
    this.#connection = connection;
    this.#directory = dirname(path);
    this.#ballast = new Ballast(`${path}-ballast`);
    if (this.#available() >= BALLAST_BYTES + RESERVED_BYTES) this.#ballast.restore();
  }

  onBatch(bytes: number): void {
    const nowMs = performance.now();
    this.#unseenBytes += bytes;
    if (nowMs - this.#lookedAtMs < UNSEEN_MS && this.#unseenBytes < UNSEEN_BYTES) return;
    this.#lookedAtMs = nowMs;
    this.#unseenBytes = 0;
    // Another process needs the room of the ballast for its removals: nothing may take it from them.
    if (this.#budget > 0 && !this.#ballast.isThere) this.#budget = 0;
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

  release(): void {
    this.#budget = 0;
    this.#room = "tight";
    this.#ballast.drop();
    this.#checkpoint("TRUNCATE");
  }

  onCommitted(bytes: number): void {
    this.#pending += bytes;
    if (this.#pending >= PENDING_BYTES[this.#room]) this.#settle();
    else this.#timer ??= setTimeout(() => this.#settle(), PENDING_MS).unref();
  }

  /** Stops whatever was to be done later. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #settle(): void {
    this.close();
    this.#pending = 0;
    this.#checkpoint("PASSIVE");
  }

  #measure(needed: number): boolean {
    this.#budget = 0;
    const missing = this.#ballast.isThere ? 0 : BALLAST_BYTES;
    const required = needed + RESERVED_BYTES + missing;
    if (this.#available() < required && !this.#reclaim(required)) return false;
    if (missing > 0 && !this.#ballast.restore()) return false;
    const available = this.#available();
    this.#room = available < TIGHT_BYTES ? "tight" : available < AMPLE_BYTES ? "usual" : "ample";
    const budget = Math.min(MAX_BUDGET_BYTES, (available - RESERVED_BYTES) / BUDGET_PART);
    this.#budget = Math.max(needed, budget);
    return true;
  }

  /** Gives free pages of the database back to the file system until so many bytes are available. */
  #reclaim(required: number): boolean {
    for (let step = 0; step < MAX_RECLAIM_STEPS; step++) {
      if (!this.#checkpoint("TRUNCATE")) return false;
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

  /** Moves what the WAL holds into the database; tells whether all of it was, and nobody was in the way. */
  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): boolean {
    try {
      // The first of its values: whether somebody else, such as a reader, was in the way.
      return queryValue(this.#connection, `PRAGMA main.wal_checkpoint(${mode})`) === 0;
    } catch {
      return false;
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
