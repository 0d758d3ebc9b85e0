/** Which faults a database's acknowledged writes survive, read from its own settings. */
import type { CacheCapabilities } from "../../vault/contracts.js";
import { CacheUnsafeError } from "../../vault/errors.js";
import { queryValue, type SqliteConnection } from "./vendor.js";
import type { FlushMoment } from "./write-queue.js";

/** The first version without the WAL-reset bug, which can damage a file that several processes write. */
const SOUND_VERSION = [3, 51, 3] as const;
/** `PRAGMA synchronous`. */
const FULL = 2;
const EXTRA = 3;
/**
 * The `synchronous` level at which a commit survives power loss, by journal mode. In mode DELETE a
 * transaction ends when its journal is deleted. Only EXTRA also flushes the directory; without that the
 * journal may reappear after power loss and undo the commit.
 */
const SURVIVES_POWER_LOSS: ReadonlyMap<string, number> = new Map([
  ["wal", FULL],
  ["truncate", FULL],
  ["persist", FULL],
  ["delete", EXTRA],
]);

/** @throws {@link CacheUnsafeError} This version of SQLite can damage a file that several processes write. */
export function checkVersion(connection: SqliteConnection): void {
  if (connection.memory) return;
  const version = String(queryValue(connection, "SELECT sqlite_version()"));
  if (!isSound(version)) throw new CacheUnsafeError("outdated-sqlite");
}

/** Returns the durability of acknowledged writes. */
export function capabilitiesOf(connection: SqliteConnection): CacheCapabilities {
  return { durability: durabilityOf(connection), evicts: false };
}

/**
 * Returns when the write queue should commit. A commit that waits for the disk is expensive, so all
 * writes of one turn of the event loop share it.
 */
export function flushMomentOf(
  connection: SqliteConnection,
  { durability }: CacheCapabilities,
): FlushMoment {
  return durability !== "none" && synchronousOf(connection) >= FULL ? "turn" : "job";
}

function durabilityOf(connection: SqliteConnection): CacheCapabilities["durability"] {
  const journal = String(queryValue(connection, "PRAGMA main.journal_mode")).toLowerCase();
  if (connection.memory || journal === "memory" || journal === "off") return "none";
  const needed = SURVIVES_POWER_LOSS.get(journal) ?? Number.POSITIVE_INFINITY;
  return synchronousOf(connection) >= needed ? "disk" : "process";
}

function synchronousOf(connection: SqliteConnection): number {
  return Number(queryValue(connection, "PRAGMA main.synchronous"));
}

function isSound(version: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [place, sound] of SOUND_VERSION.entries()) {
    const part = parts[place] ?? 0;
    if (part !== sound) return part > sound;
  }
  return true;
}
