/** The file of a database: readable by its owner only, from its creation on. */
import { chmodSync, closeSync, constants, lstatSync, openSync } from "node:fs";
import { CacheUnavailableError } from "../../vault/errors.js";
import { FileIdentity, type WatchedFile } from "../file-identity.js";
import { readFailure } from "./failures.js";
import { OwnersFile } from "./owners-file.js";
import { prepareRaw, type SqliteConnection } from "./vendor.js";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
const NEW_FILE: number = O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR;
const OWNERS_ALONE = 0o600;
const PERMISSIONS = 0o777;
/** Suffixes of the files that SQLite creates beside a database, with the permissions of the database. */
const COMPANIONS = ["-wal", "-shm", "-journal"] as const;

/**
 * Creates a file that only its owner can read, or removes all other permissions from an existing one.
 *
 * An existing file is never opened here, because closing a file drops all POSIX locks that other
 * connections of this process hold on it.
 *
 * @throws {@link CacheUnavailableError} The file cannot be created, or exists and is not a regular file.
 */
export function secureFile(path: string): void {
  try {
    if (!create(path)) tighten(path);
    for (const suffix of COMPANIONS) tightenIfThere(`${path}${suffix}`);
  } catch (cause) {
    throw readFailure(cause);
  }
}

/** Stands for a database in memory, which has no file to watch. */
export const UNWATCHED: WatchedFile = { isIntact: true };

/** The smallest page of a database: once a database is open, its file has at least one page. */
const SMALLEST_PAGE_BYTES = 512;

/**
 * Remembers the identities of an open database file and of its WAL.
 *
 * @throws {@link CacheUnavailableError} One of the files is missing.
 */
export function identityOf(path: string): FileIdentity {
  const companions = [`${path}-wal`, `${path}-shm`];
  return new FileIdentity(path, { companions, minBytes: SMALLEST_PAGE_BYTES });
}

/**
 * Remembers the files of a database that its owner opened.
 *
 * @throws {@link CacheUnavailableError} The path names none any more.
 */
export function watchOwners(connection: SqliteConnection): WatchedFile {
  const rows = prepareRaw(connection, "PRAGMA database_list").all() as [number, string, string][];
  const path = rows.find(([, name]) => name === "main")?.[2];
  return path ? new OwnersFile(path, connection) : UNWATCHED;
}

/** Creates an empty file. Returns false if the path exists already. */
function create(path: string): boolean {
  try {
    closeSync(openSync(path, NEW_FILE, OWNERS_ALONE));
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

function tighten(path: string): void {
  const status = lstatSync(path);
  if (!status.isFile()) throw new CacheUnavailableError();
  const permissions = status.mode & PERMISSIONS;
  const tightened = permissions & OWNERS_ALONE;
  if (permissions !== tightened) chmodSync(path, tightened);
}

function tightenIfThere(path: string): void {
  try {
    tighten(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/** Returns whether an error of the file system has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === code;
}
