/** The tables of a cache, and their migrations. */
import { CacheUnavailableError } from "../../vault/errors.js";
import { queryValue, rollBack, type SqliteConnection } from "./vendor.js";

/**
 * The migrations from an empty database to the current tables. The version of a database is the number
 * of migrations applied to it: add migrations, never change one.
 *
 * Bodies have a table of their own, so that reading or rewriting a head touches none of their pages. A
 * trigger deletes the body whenever its record is deleted. An ordinary rowid table with a unique key is
 * about twice as fast for blobs as WITHOUT ROWID.
 *
 * A `state` is a revision followed by the head (`row.ts`): reading one value is faster than three.
 *
 * Purge times are indexed later: an index would make each insert write a third page and cost half as
 * much again. `handlevault_purges` has the purge times of all records up to the id in
 * `handlevault_indexed`. Triggers maintain this, also when the highest ids are deleted and assigned
 * again.
 *
 * Names include the schema where SQL allows it, so that a temporary table of the connection's owner
 * cannot replace a table. Names inside a trigger always mean the trigger's own database.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE main.handlevault_records (
     id INTEGER PRIMARY KEY,
     key TEXT NOT NULL UNIQUE,
     purge_at INTEGER NOT NULL,
     state BLOB NOT NULL
   );
   CREATE TABLE main.handlevault_bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
   CREATE TABLE main.handlevault_purges (
     purge_at INTEGER NOT NULL,
     id INTEGER NOT NULL,
     PRIMARY KEY (purge_at, id)
   ) WITHOUT ROWID;
   CREATE TABLE main.handlevault_indexed (id INTEGER NOT NULL);
   INSERT INTO main.handlevault_indexed VALUES (0);
   CREATE TRIGGER main.handlevault_deleted AFTER DELETE ON handlevault_records BEGIN
     DELETE FROM handlevault_purges WHERE purge_at = OLD.purge_at AND id = OLD.id;
     DELETE FROM handlevault_bodies WHERE id = OLD.id;
   END;
   CREATE TRIGGER main.handlevault_last_deleted AFTER DELETE ON handlevault_records
   WHEN NOT EXISTS (SELECT 1 FROM handlevault_records WHERE id > OLD.id) BEGIN
     UPDATE handlevault_indexed
     SET id = coalesce((SELECT max(id) FROM handlevault_records), 0) WHERE id >= OLD.id;
   END;
   CREATE TRIGGER main.handlevault_renewed AFTER UPDATE OF purge_at ON handlevault_records
   WHEN OLD.purge_at <> NEW.purge_at BEGIN
     DELETE FROM handlevault_purges WHERE purge_at = OLD.purge_at AND id = OLD.id;
     INSERT OR IGNORE INTO handlevault_purges (purge_at, id) VALUES (NEW.purge_at, NEW.id);
   END;`,
];

/**
 * Returns whether the tables are current.
 *
 * @throws {@link CacheUnavailableError} A newer version of this library made them.
 */
export function isCurrent(connection: SqliteConnection): boolean {
  const version = versionOf(connection);
  if (!(version <= MIGRATIONS.length)) throw new CacheUnavailableError();
  return version === MIGRATIONS.length;
}

/** Applies all missing migrations in one transaction. Other processes may do so at the same time. */
export function migrate(connection: SqliteConnection): void {
  connection.exec("BEGIN IMMEDIATE");
  try {
    if (!isCurrent(connection)) takeSteps(connection);
    connection.exec("COMMIT");
  } catch (error) {
    rollBack(connection);
    throw error;
  }
}

function takeSteps(connection: SqliteConnection): void {
  const from = versionOf(connection);
  for (const step of MIGRATIONS.slice(from)) connection.exec(step);
  if (from === 0)
    connection.exec("CREATE TABLE main.handlevault_schema (version INTEGER NOT NULL)");
  connection.exec("DELETE FROM main.handlevault_schema");
  connection.exec(`INSERT INTO main.handlevault_schema VALUES (${MIGRATIONS.length})`);
}

function versionOf(connection: SqliteConnection): number {
  const isThere = queryValue(
    connection,
    "SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'handlevault_schema'",
  );
  if (isThere === undefined) return 0;
  return Number(queryValue(connection, "SELECT max(version) FROM main.handlevault_schema"));
}
