/**
 * A cache in an LMDB file: shared by the processes of one machine, durable, and fast to read.
 *
 * @module
 */
import { loadPeer } from "../load-peer.js";
import { checkMethods } from "../vault/checks.js";
import type { CacheBackend, Clock } from "../vault/contracts.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
  withMethods,
} from "../vault/options.js";
import { type CacheClock, cacheClock } from "./cache-clock.js";
import { LmdbCache } from "./lmdb/backend.js";
import { extendFile } from "./lmdb/database-file.js";
import { checkSettings, durabilityOf, SETTINGS } from "./lmdb/durability.js";
import { EnvironmentFiles } from "./lmdb/environment-files.js";
import { leaseEnvironment } from "./lmdb/environments.js";
import { unavailable } from "./lmdb/failures.js";
import { FreeSpace } from "./lmdb/free-space.js";
import { OpeningGate } from "./lmdb/opening-gate.js";
import type { Store } from "./lmdb/store.js";
import { Tables } from "./lmdb/tables.js";
import type { LmdbDatabaseOptions, LmdbEnvironment, LmdbSettings } from "./lmdb/vendor.js";
import { WriteQueue } from "./lmdb/write-queue.js";
import { checkPurgeMode } from "./purge-schedule.js";

export type { LmdbDatabaseOptions, LmdbEnvironment };

const MEBIBYTE = 2 ** 20;
const MAP_UNIT_BYTES = 65_536;
const DEFAULT_MIN_FREE_BYTES: number = 64 * MEBIBYTE;
const DEFAULT_MAP_SIZE_BYTES: number = 64 * MEBIBYTE;
const DEFAULT_MAX_MAP_SIZE_BYTES: number = 64 * 1024 * MEBIBYTE;
/** LMDB's default, and the largest number: its slots take 4 MiB. */
const DEFAULT_MAX_READERS = 126;
const MAX_READERS = 65_536;

/** The clock and the bounds of an LMDB cache. */
export interface LmdbCacheOptions {
  /**
   * The clock that decides when a record may be purged. Default: the system's clock; then no record is
   * purged while the clock of this process and the system's clock differ by more than a minute.
   */
  readonly clock?: Clock | undefined;
  /**
   * How many bytes the cache leaves free on the disk: with less it refuses new records. Deletions work
   * until a sixteenth of it is left. Default: 64 MiB.
   */
  readonly minFreeBytes?: number | undefined;
  /** The largest size of the file, in bytes: beyond that the cache is full. Default: 64 GiB. */
  readonly maxMapSizeBytes?: number | undefined;
}

/** Options of {@link openLmdbCache}. */
export interface OpenLmdbCacheOptions extends LmdbCacheOptions {
  /** The initial address space, in bytes; it doubles when needed. Default: 64 MiB. */
  readonly mapSizeBytes?: number | undefined;
  /**
   * How many threads may have the file open at once, in all processes together. The first process that
   * opens the file sets this for all others. Default: 126.
   */
  readonly maxReaders?: number | undefined;
  /**
   * How due records are removed. `"auto"`, the default: the cache removes a few along with each write
   * and the others by a timer, for at most 5 ms a minute. The timer does not keep the process alive.
   * `"manual"`: only `purgeExpired` removes them.
   */
  readonly purge?: "auto" | "manual" | undefined;
}

const bytes = integerWithin(1, Number.MAX_SAFE_INTEGER);
const OPTIONS: OptionsTable<WithDefaults<LmdbCacheOptions>> = {
  clock: optional(withMethods<Clock>("now")),
  minFreeBytes: optional(bytes),
  maxMapSizeBytes: optional(bytes),
};
const OPEN_OPTIONS: OptionsTable<
  WithDefaults<OpenLmdbCacheOptions, "mapSizeBytes" | "maxReaders" | "purge">
> = {
  ...OPTIONS,
  mapSizeBytes: optional(bytes, DEFAULT_MAP_SIZE_BYTES),
  maxReaders: optional(integerWithin(1, MAX_READERS), DEFAULT_MAX_READERS),
  purge: optional(checkPurgeMode, "auto"),
};

/** Callers' environments that have caches, so that several caches of an environment share its commits. */
const wrapped = new WeakMap<LmdbEnvironment, Wrapped>();

/**
 * Returns a cache in an LMDB environment that you own. `close()` leaves the environment open.
 *
 * Its records are in separate databases, whose names begin with `handlevault-`. Its writes wait while
 * another process opens the file with {@link openLmdbCache} or {@link withOpeningLock}. Your own writes
 * do not wait, and neither does your opening of the environment: open it, and call this function, within
 * {@link withOpeningLock}.
 *
 * @param environment - The result of `open` of the package `lmdb`. It must have been opened with
 *   `overlappingSync: false`, and while no other process wrote to it: otherwise lmdb loses acknowledged
 *   writes.
 * @throws TypeError The settings of the environment would lose or damage records.
 *
 * @example
 * ```ts
 * import { HandleVault } from "handlevault";
 * import { lmdbCache, withOpeningLock } from "handlevault/cache/lmdb";
 * import { open } from "lmdb";
 *
 * const cache = await withOpeningLock("handles.mdb", () =>
 *   lmdbCache(open({ path: "handles.mdb", overlappingSync: false })),
 * );
 * const vault = new HandleVault({ cache, keys });
 * ```
 */
export function lmdbCache(
  environment: LmdbEnvironment,
  options: LmdbCacheOptions = {},
): CacheBackend {
  checkMethods(environment, "environment", ["openDB", "on", "close"]);
  readOptions(options, OPTIONS, { name: "lmdbCache options", prefix: "" });
  const settings = environment as LmdbSettings;
  checkSettings(settings);
  let entry = wrapped.get(environment);
  if (entry === undefined) {
    const gate = new OpeningGate(String(settings.path));
    entry = { store: storeOf({ environment, gate }, options), users: 0 };
    wrapped.set(environment, entry);
  }
  return wrap(entry, cacheClock(options.clock));
}

/**
 * Runs `open` while no other process writes to an LMDB file or opens it through this library. lmdb alone
 * loses writes that other processes acknowledge while it opens the file. Needs the package
 * `fs-native-extensions`.
 *
 * A file that ends before its last page is extended first, because reading beyond the end would crash
 * the process.
 *
 * @param path - The path that `open` gives to lmdb: a file, or a folder, which must exist.
 * @param open - Opens the environment, and must not write to caches on it. Other processes wait until
 *   the returned promise settles.
 * @throws CacheUnavailableError Other processes write to the file or open it for 15 seconds.
 * @throws CacheUnsafeError A process of another PID namespace has the file open.
 * @throws PeerMissingError The package `fs-native-extensions` is not installed.
 *
 * @example
 * ```ts
 * import { withOpeningLock } from "handlevault/cache/lmdb";
 * import { open } from "lmdb";
 *
 * const environment = await withOpeningLock("handles.mdb", () =>
 *   open({ path: "handles.mdb", overlappingSync: false }),
 * );
 * ```
 */
export async function withOpeningLock<T>(path: string, open: () => T | Promise<T>): Promise<T> {
  checkPath(path);
  const gate = new OpeningGate(path);
  try {
    return await gate.openExclusively(async () => {
      await extendFile(path).catch((error: unknown) => {
        throw unavailable(error);
      });
      return open();
    });
  } finally {
    await gate.close();
  }
}

/**
 * Opens an LMDB file and returns a cache in it. A new file is readable by its owner only. `close()` closes
 * the file. Needs the packages `lmdb` and `fs-native-extensions`.
 *
 * A file that a process opens several times has one environment, with the bounds of the first opening.
 * Beside the file there are LMDB's lock file (`-lock`) and a folder (`-gate`), whose locks make processes
 * that open the file and processes that write to it wait for each other.
 *
 * @param path - The file; its folder must exist. Not on a network file system.
 * @throws CacheUnavailableError The file cannot be opened, is a symbolic link, or is not an LMDB
 *   file; or other processes write to it or open it for 15 seconds.
 * @throws CacheUnsafeError A process of another PID namespace has the file open.
 * @throws PeerMissingError One of the packages is not installed.
 *
 * @example
 * ```ts
 * const cache = await openLmdbCache("/var/lib/app/handles.mdb");
 * const vault = new HandleVault({ cache, keys: KeyRing.fromEnv("VAULT_KEYS") });
 * ```
 */
export async function openLmdbCache(
  path: string,
  options: OpenLmdbCacheOptions = {},
): Promise<CacheBackend> {
  checkPath(path);
  const named = { name: "openLmdbCache options", prefix: "" };
  const { mapSizeBytes, maxReaders, purge } = readOptions(options, OPEN_OPTIONS, named);
  const peer = await loadPeer("lmdb", () => import("lmdb"));
  const lease = await leaseEnvironment(path, (file, gate) => {
    const settings = {
      ...SETTINGS,
      path: file,
      maxReaders,
      mapSize: Math.ceil(mapSizeBytes / MAP_UNIT_BYTES) * MAP_UNIT_BYTES,
    };
    const environment: LmdbEnvironment = peer.open(settings);
    try {
      return { environment, store: storeOf({ environment, gate }, options) };
    } catch (error) {
      void environment.close();
      throw error;
    }
  });
  return new LmdbCache({ ...lease, clock: cacheClock(options.clock), purge });
}

/** The store that the caches of a caller's environment share, and the number of those caches. */
interface Wrapped {
  readonly store: Store;
  users: number;
}

function wrap(entry: Wrapped, clock: CacheClock): CacheBackend {
  const { store } = entry;
  entry.users += 1;
  const release = async () => {
    entry.users -= 1;
    if (entry.users === 0) await store.gate.close();
  };
  return new LmdbCache({ store, clock, purge: "manual", release });
}

interface GuardedEnvironment {
  readonly environment: LmdbEnvironment;
  readonly gate: OpeningGate;
}

function storeOf({ environment, gate }: GuardedEnvironment, options: LmdbCacheOptions): Store {
  const { minFreeBytes = DEFAULT_MIN_FREE_BYTES, maxMapSizeBytes = DEFAULT_MAX_MAP_SIZE_BYTES } =
    options;
  const settings = environment as LmdbSettings;
  const tables = new Tables(environment);
  // With a listener for this event, lmdb puts all writes of one turn of the event loop into one
  // transaction, whatever the settings of the environment. `WriteQueue` relies on that.
  environment.on("beforecommit", () => {});
  const files = new EnvironmentFiles(String(settings.path));
  const writes = new WriteQueue({ tables, gate, files });
  const freeSpace = new FreeSpace({
    path: String(settings.path),
    minFreeBytes,
    maxMapSizeBytes,
    usage: () => tables.usage(),
    pendingBytes: () => writes.pendingBytes,
  });
  return { tables, gate, files, writes, freeSpace, durability: durabilityOf(settings) };
}

function checkPath(path: string): void {
  if (typeof path !== "string" || path === "") throw new TypeError("path must be a string");
}
