/** The parts of the package `lmdb` that the cache calls, as structural types. */
import type { Buffer } from "node:buffer";

/** Converts values to bytes and back. lmdb overwrites the bytes given to `decode` later. */
export interface LmdbEncoder {
  encode(bytes: Uint8Array): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** The options of a database; they override those of the environment. */
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

/** The options of an environment, as properties of its root database. */
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

/** The numbers of pages of one database. */
interface PageCounts {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** The result of `getStats`: for a database, its environment and the list of free pages. */
export interface LmdbStats extends PageCounts {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly free: PageCounts;
}

/** A row. It has a version if the database has versions. */
export interface LmdbEntry<Value> {
  readonly key: Buffer;
  readonly value: Value;
  readonly version?: number;
}

/** The bounds of a range. */
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
  /** Resolves with whether the condition `ifVersion` held: a version, or `null` for "no such key". */
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

/** Matches any version: the constant `IF_EXISTS` of the package. */
export const IF_EXISTS = 3.542694326329068e-103;
