/**
 * A cache in an LMDB file: shared by the processes of one machine, durable, and fast to read.
 *
 * @module
 */
import { loadPeer } from "../load-peer.js";
import { checkInteger, checkMethods, checkOptions } from "../vault/checks.js";
import { systemClock } from "../vault/clock.js";
import type { CacheBackend, CacheCapabilities, Clock } from "../vault/contracts.js";
import { LmdbCache, type Store } from "./lmdb/cache.js";
import { leaseEnvironment } from "./lmdb/environments.js";
import { GroupCommit } from "./lmdb/group-commit.js";
import type { LmdbDatabaseOptions, LmdbEnvironment, LmdbSettings } from "./lmdb/peer.js";
import { Room } from "./lmdb/room.js";
import { MAX_KEY_BYTES } from "./lmdb/rows.js";
import { Tables } from "./lmdb/tables.js";

export type { LmdbDatabaseOptions, LmdbEnvironment };

const MEBIBYTE = 2 ** 20;
const DEFAULT_MIN_FREE_BYTES: number = 64 * MEBIBYTE;
const DEFAULT_MAP_SIZE_BYTES: number = 64 * MEBIBYTE;
const DEFAULT_MAX_MAP_SIZE_BYTES: number = 64 * 1024 * MEBIBYTE;

/** How an LMDB cache keeps time and how much room it takes. */
export interface LmdbCacheOptions {
  /** Tells the time that purge times are counted by; the system's when absent. */
  readonly clock?: Clock | undefined;
  /**
   * How many bytes the cache leaves free on the disk: below that it takes no new records. Deleting
   * goes on until a sixteenth of it is left. Default: 64 MiB.
   */
  readonly minFreeBytes?: number | undefined;
  /** How many bytes the file may have: beyond that the cache is full. Default: 64 GiB. */
  readonly maxMapSizeBytes?: number | undefined;
}

/** Options of {@link openLmdbCache}. */
export interface OpenLmdbCacheOptions extends LmdbCacheOptions {
  /** How many bytes of address space to begin with; it doubles when needed. Default: 64 MiB. */
  readonly mapSizeBytes?: number | undefined;
}

const OPTIONS: ReadonlySet<string> = new Set(["clock", "minFreeBytes", "maxMapSizeBytes"]);
const OPEN_OPTIONS: ReadonlySet<string> = new Set([...OPTIONS, "mapSizeBytes"]);

/** The stores of environments that are not ours, so that two caches of one share its commits. */
const wrapped = new WeakMap<LmdbEnvironment, Store>();

/**
 * Returns a cache in an LMDB environment that you own; `close()` leaves it open.
 *
 * Its records are in databases of their own, whose names begin with `handlevault-`.
 *
 * @param environment - What `open` of the package `lmdb` returned. It must have been opened with
 *   `overlappingSync: false`, and while no other process wrote to it: otherwise lmdb loses writes that
 *   were acknowledged. {@link openLmdbCache} sees to both.
 * @throws TypeError The environment was opened in a way that loses or damages records.
 *
 * @example
 * ```ts
 * import { HandleVault } from "handlevault";
 * import { lmdbCache } from "handlevault/cache/lmdb";
 * import { open } from "lmdb";
 *
 * const environment = open({ path: "handles.mdb", overlappingSync: false });
 * const vault = new HandleVault({ cache: lmdbCache(environment), keys });
 * ```
 */
export function lmdbCache(
  environment: LmdbEnvironment,
  options: LmdbCacheOptions = {},
): CacheBackend {
  checkMethods(environment, "environment", ["openDB", "on", "close"]);
  checkCacheOptions(options, "lmdbCache options", OPTIONS);
  checkSettings(environment as LmdbSettings);
  let store = wrapped.get(environment);
  if (store === undefined) {
    store = storeOf(environment, options);
    wrapped.set(environment, store);
  }
  return new LmdbCache({ store, clock: options.clock ?? systemClock(), release: async () => {} });
}

/**
 * Opens a cache in an LMDB file, which is created, readable by its owner alone, if it is not there;
 * `close()` closes it. Needs the package `lmdb`.
 *
 * Opened more than once in a process, a file has one environment, with the bounds that came first.
 * Beside it there is a file for its locks, whose name ends in `-lock`, and a folder `-gate`, by which
 * processes that open the file and those that write to it wait for each other.
 *
 * @param path - The file; its folder must exist. Not on a network file system.
 * @throws {@link CacheUnavailableError} The file cannot be opened, is a symbolic link, or is no LMDB
 *   file.
 * @throws {@link PeerMissingError} The package `lmdb` is not installed.
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
  if (typeof path !== "string" || path === "") throw new TypeError("path must be a string");
  checkCacheOptions(options, "openLmdbCache options", OPEN_OPTIONS);
  const { mapSizeBytes = DEFAULT_MAP_SIZE_BYTES, clock = systemClock() } = options;
  checkBytes(mapSizeBytes, "mapSizeBytes");
  const peer = await loadPeer("lmdb", () => import("lmdb"));
  const lease = await leaseEnvironment(path, (file) => {
    const settings = {
      ...SETTINGS,
      path: file,
      mapSize: Math.ceil(mapSizeBytes / MAP_UNIT_BYTES) * MAP_UNIT_BYTES,
    };
    const environment: LmdbEnvironment = peer.open(settings);
    try {
      return { environment, store: storeOf(environment, options) };
    } catch (error) {
      void environment.close();
      throw error;
    }
  });
  return new LmdbCache({ ...lease, clock });
}

const MAP_UNIT_BYTES = 65_536;
/** The longest key that a scan may have to go on from. */
const LONGEST_KEY_BYTES: number = MAX_KEY_BYTES + 2;

/** Each of these is what keeps an acknowledged write, see docs/durability.md. */
const SETTINGS = {
  noSubdir: true,
  encoding: "binary",
  overlappingSync: false,
  noSync: false,
  noMetaSync: false,
  useWritemap: false,
  remapChunks: false,
  maxDbs: 12,
  permissionsMode: 0o600,
} as const;

function storeOf(environment: LmdbEnvironment, options: LmdbCacheOptions): Store {
  const { minFreeBytes = DEFAULT_MIN_FREE_BYTES, maxMapSizeBytes = DEFAULT_MAX_MAP_SIZE_BYTES } =
    options;
  const settings = environment as LmdbSettings;
  const tables = new Tables(environment);
  // With a listener to this, lmdb never splits what one turn of the event loop writes, however the
  // environment was set up; `GroupCommit` stands on that.
  environment.on("beforecommit", () => {});
  const commit = new GroupCommit(tables, String(settings.path));
  const room = new Room({
    path: String(settings.path),
    minFreeBytes,
    maxMapSizeBytes,
    usage: () => tables.usage(),
    pendingBytes: () => commit.pendingBytes,
  });
  return { tables, commit, room, durability: durabilityOf(settings) };
}

function durabilityOf(settings: LmdbSettings): CacheCapabilities["durability"] {
  const isLazy =
    settings.noSync === true || settings.noMetaSync === true || settings.mapAsync === true;
  return isLazy ? "process" : "disk";
}

/** Throws unless an environment was opened so that it keeps what it acknowledges. */
function checkSettings(settings: LmdbSettings): void {
  if (settings.overlappingSync !== false) {
    throw new TypeError("environment must be opened with overlappingSync: false");
  }
  if (settings.readOnly === true) throw new TypeError("environment must not be opened readOnly");
  if (typeof settings.maxKeySize === "number" && settings.maxKeySize < LONGEST_KEY_BYTES) {
    throw new TypeError("environment must have pages of 4,096 bytes or more");
  }
  if (settings.useWritemap === true) {
    throw new TypeError("environment must not be opened with useWritemap");
  }
}

function checkCacheOptions(
  options: LmdbCacheOptions,
  name: string,
  known: ReadonlySet<string>,
): void {
  checkOptions(options, name, known);
  const { clock, minFreeBytes, maxMapSizeBytes } = options;
  if (clock !== undefined) checkMethods(clock, "clock", ["now"]);
  if (minFreeBytes !== undefined) checkBytes(minFreeBytes, "minFreeBytes");
  if (maxMapSizeBytes !== undefined) checkBytes(maxMapSizeBytes, "maxMapSizeBytes");
}

function checkBytes(value: number, name: string): void {
  checkInteger(value, name, { min: 1, max: Number.MAX_SAFE_INTEGER });
}
