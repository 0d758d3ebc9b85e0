/** The three databases of a cache within one environment. */
import type { Buffer } from "node:buffer";
import type { LmdbDatabase, LmdbEnvironment, LmdbStats } from "./peer.js";
import { decodeHead, type HeadRow } from "./rows.js";

/** What an environment uses of its file, in bytes. */
export interface Usage {
  /** How far the file has grown. */
  readonly fileBytes: number;
  /** What is in use of that; the rest is free for new records. */
  readonly usedBytes: number;
}

export class Tables {
  readonly heads: LmdbDatabase;
  readonly bodies: LmdbDatabase;
  readonly expiries: LmdbDatabase;
  #isFresh = false;
  readonly #expire: () => void;

  constructor(environment: LmdbEnvironment) {
    this.heads = open(environment, "heads", true);
    this.bodies = open(environment, "bodies", false);
    this.expiries = open(environment, "expiries", false);
    this.#expire = () => {
      this.#isFresh = false;
    };
  }

  /** Returns a head as it is now. */
  head(key: Buffer): HeadRow | undefined {
    this.refresh();
    try {
      const entry = this.heads.getEntry(key);
      return entry === undefined ? undefined : decodeHead(entry);
    } catch (error) {
      throw this.#spoilt(error);
    }
  }

  /** Returns a body as it is now, in memory of its own. */
  body(key: Buffer): Buffer | undefined {
    this.refresh();
    try {
      return this.bodies.getBinary(key);
    } catch (error) {
      throw this.#spoilt(error);
    }
  }

  /**
   * Lets the reads that follow see everything that was committed until now. lmdb reads from one
   * snapshot for about a millisecond: long enough to miss what another process acknowledged before
   * it sent us the handle. Reads of one round of microtasks share a snapshot, because nothing can
   * reach us between them.
   */
  refresh(): void {
    if (this.#isFresh) return;
    this.#isFresh = true;
    this.heads.resetReadTxn();
    queueMicrotask(this.#expire);
  }

  /** Has the next read take another snapshot: after an error this one answers nothing any more. */
  #spoilt(error: unknown): unknown {
    this.#isFresh = false;
    return error;
  }

  usage(): Usage {
    const heads = this.heads.getStats();
    const pages =
      pagesOf(heads) +
      pagesOf(heads.free) +
      pagesOf(this.bodies.getStats()) +
      pagesOf(this.expiries.getStats());
    return {
      fileBytes: (heads.lastPageNumber + 1) * heads.pageSize,
      usedBytes: pages * heads.pageSize,
    };
  }
}

function open(environment: LmdbEnvironment, name: string, useVersions: boolean): LmdbDatabase {
  return environment.openDB({
    // The number is that of the format.
    name: `handlevault-${name}-1`,
    encoding: "binary",
    keyEncoding: "binary",
    useVersions,
    compression: false,
  }) as LmdbDatabase;
}

function pagesOf(stats: Omit<LmdbStats, "pageSize" | "lastPageNumber" | "free">): number {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
}
