/** The parts of the package `lmdb` that the cache calls, described by their shape. */
import type { Buffer } from "node:buffer";

/** Turns values into bytes, and what lmdb has read, which it overwrites later, into values. */
export interface LmdbEncoder {
  encode(bytes: Uint8Array): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** How a database is opened: in its own way, whatever the environment was set up for. */
export interface LmdbDatabaseOptions {
  readonly name: string;
  readonly encoding: "binary";
  readonly encoder: LmdbEncoder;
  readonly keyEncoding: "binary";
  readonly useVersions: boolean;
  readonly compression: false;
}

/** The part of an `lmdb` root database that the cache calls. */
export interface LmdbEnvironment {
  openDB(options: LmdbDatabaseOptions): unknown;
  on(event: "beforecommit", listener: () => void): unknown;
  close(): Promise<void>;
}

/** What the root database tells about how it was opened. */
export interface LmdbSettings {
  readonly path?: unknown;
  readonly overlappingSync?: unknown;
  readonly noSync?: unknown;
  readonly noMetaSync?: unknown;
  readonly useWritemap?: unknown;
  readonly mapAsync?: unknown;
  readonly readOnly?: unknown;
  readonly maxKeySize?: unknown;
}

/** Pages of one database. */
interface PageCounts {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** What `getStats` tells of a database, its environment and the list of free pages. */
export interface LmdbStats extends PageCounts {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly free: PageCounts;
}

/** What a range or an entry holds; the version is there when the database has versions. */
export interface LmdbEntry<Value> {
  readonly key: Buffer;
  readonly value: Value;
  readonly version?: number;
}

/** Where a range begins and ends. */
interface LmdbRange {
  readonly start?: Buffer;
  readonly end?: Buffer;
  readonly exclusiveStart?: boolean;
  readonly limit: number;
  readonly versions?: boolean;
}

/** The part of an `lmdb` database that the cache calls. */
export interface LmdbDatabase<Value = Buffer> {
  get(key: Buffer): Value | undefined;
  getEntry(key: Buffer): LmdbEntry<Value> | undefined;
  getRange(range: LmdbRange): Iterable<LmdbEntry<Value>>;
  /** Resolves with whether the condition held: `null` for "no such key yet", or a version. */
  put(
    key: Buffer,
    value: Uint8Array,
    version?: number,
    ifVersion?: number | null,
  ): Promise<boolean>;
  remove(key: Buffer, ifVersion?: number): Promise<boolean>;
  ifVersion(key: Buffer, version: number, action: () => void): Promise<boolean>;
  ifNoExists(key: Buffer, action: () => void): Promise<boolean>;
  resetReadTxn(): void;
  getStats(): LmdbStats;
  readonly committed: PromiseLike<boolean>;
}

/** A version that stands for any: the constant `IF_EXISTS` of the package. */
export const IF_EXISTS = 3.542694326329068e-103;
