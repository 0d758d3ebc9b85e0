/** The three databases of a cache within one environment. */
import type { Buffer } from "node:buffer";
import { queueMicrotask } from "../../primitives/timers.js";
import { copyOf, decodeHead, type HeadRow } from "./row.js";
import type { LmdbDatabase, LmdbEncoder, LmdbEntry, LmdbEnvironment, LmdbStats } from "./vendor.js";

/** What is stored under a key of the heads; its version is the revision. */
type StoredHead = Omit<HeadRow, "revision">;

const encode = (bytes: Uint8Array): Uint8Array => bytes;
const HEAD_ROWS: LmdbEncoder = { encode, decode: (bytes) => decodeHead(bytes) };
const BYTES: LmdbEncoder = { encode, decode: (bytes) => copyOf(bytes) };

/** What an environment uses of its file, in bytes. */
export interface Usage {
  /** How far the file has grown. */
  readonly fileBytes: number;
  /** What is in use of that; the rest is free for new records. */
  readonly usedBytes: number;
}

export class Tables {
  readonly heads: LmdbDatabase<StoredHead>;
  readonly bodies: LmdbDatabase;
  readonly expiries: LmdbDatabase;
  #isFresh = false;
  readonly #expire: () => void;

  constructor(environment: LmdbEnvironment) {
    this.heads = open(environment, "heads", HEAD_ROWS) as LmdbDatabase<StoredHead>;
    this.bodies = open(environment, "bodies", BYTES) as LmdbDatabase;
    this.expiries = open(environment, "expiries", BYTES) as LmdbDatabase;
    this.#expire = () => {
      this.#isFresh = false;
    };
  }

  /** Returns a head as it is now. */
  head(key: Buffer): HeadRow | undefined {
    const entry = this.read(() => this.heads.getEntry(key));
    return entry === undefined ? undefined : headRow(entry);
  }

  /** Returns a body as it is now, in memory of its own. */
  body(key: Buffer): Buffer | undefined {
    return this.read(() => this.bodies.get(key));
  }

  /** Runs a read on the present state. */
  read<T>(read: () => T): T {
    this.#refresh();
    try {
      return read();
    } catch (error) {
      // After an error this snapshot answers nothing any more: the next read takes another.
      this.#isFresh = false;
      throw error;
    }
  }

  /**
   * Lets the reads that follow see everything that was committed until now. lmdb reads from one
   * snapshot for about a millisecond: long enough to miss what another process acknowledged before
   * it sent us the handle. Reads of one round of microtasks share a snapshot, because nothing can
   * reach us between them.
   */
  #refresh(): void {
    if (this.#isFresh) return;
    this.#isFresh = true;
    this.heads.resetReadTxn();
    queueMicrotask(this.#expire);
  }

  usage(): Usage {
    return this.read(() => {
      const heads = this.heads.getStats();
      const others = [heads.free, this.bodies.getStats(), this.expiries.getStats()];
      const pages = others.reduce((sum, stats) => sum + pagesOf(stats), pagesOf(heads));
      return {
        fileBytes: (heads.lastPageNumber + 1) * heads.pageSize,
        usedBytes: pages * heads.pageSize,
      };
    });
  }
}

/** Returns an entry of the heads as a row. */
export function headRow({ value, version }: LmdbEntry<StoredHead>): HeadRow {
  if (version === undefined) throw new Error("not a head row");
  const { purgeAtMs, hasBody, head } = value;
  return { revision: version, purgeAtMs, hasBody, head };
}

function open(environment: LmdbEnvironment, name: string, encoder: LmdbEncoder): unknown {
  return environment.openDB({
    // The number is that of the format.
    name: `handlevault-${name}-1`,
    encoding: "binary",
    encoder,
    keyEncoding: "binary",
    useVersions: encoder === HEAD_ROWS,
    compression: false,
  });
}

function pagesOf(stats: Omit<LmdbStats, "pageSize" | "lastPageNumber" | "free">): number {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
}
