/** The three databases of a cache within one environment. */
import type { Buffer } from "node:buffer";
import { queueMicrotask } from "../../primitives/timers.js";
import { copyOf, decodeHead, type HeadRow } from "./row.js";
import type { LmdbDatabase, LmdbEncoder, LmdbEntry, LmdbEnvironment, LmdbStats } from "./vendor.js";

/** The value of a row of the heads. The row's version is the revision. */
type StoredHead = Omit<HeadRow, "revision">;

const encode = (bytes: Uint8Array): Uint8Array => bytes;
const HEAD_ROWS: LmdbEncoder = { encode, decode: (bytes) => decodeHead(bytes) };
const BYTES: LmdbEncoder = { encode, decode: (bytes) => copyOf(bytes) };

/** How much of its file an environment uses, in bytes. */
export interface Usage {
  /** The length of the file. */
  readonly fileBytes: number;
  /** The part of it that is in use; the rest is free for new records. */
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

  /** Returns the current head. */
  head(key: Buffer): HeadRow | undefined {
    const entry = this.read(() => this.heads.getEntry(key));
    return entry === undefined ? undefined : headRow(entry);
  }

  /** Returns a copy of the current body. */
  body(key: Buffer): Buffer | undefined {
    return this.read(() => this.bodies.get(key));
  }

  /** Runs a read on the current state. */
  read<T>(read: () => T): T {
    this.#refresh();
    try {
      return read();
    } catch (error) {
      // After an error this snapshot is unusable: the next read takes a new one.
      this.#isFresh = false;
      throw error;
    }
  }

  /**
   * Takes a new snapshot, so that the next reads see every commit made until now. lmdb by default reuses a
   * snapshot for about a millisecond; that is long enough to miss a record that another process
   * acknowledged before it sent the handle to this one. Reads of one round of microtasks share a snapshot,
   * because no message from outside can arrive between them.
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

/** Converts an entry of the heads into a row. */
export function headRow({ value, version }: LmdbEntry<StoredHead>): HeadRow {
  if (version === undefined) throw new Error("not a head row");
  const { purgeAtMs, hasBody, head } = value;
  return { revision: version, purgeAtMs, hasBody, head };
}

function open(environment: LmdbEnvironment, name: string, encoder: LmdbEncoder): unknown {
  return environment.openDB({
    // The number is the version of the format.
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
