/** The file of a database: its owner's alone from the first moment on. */
import { chmodSync, closeSync, constants, lstatSync, openSync } from "node:fs";
import { CacheUnavailableError } from "../../vault/errors.js";
import { FileIdentity } from "../file-identity.js";
import { readFailure } from "./failures.js";
import { prepareRaw, type SqliteConnection } from "./vendor.js";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
const NEW_FILE: number = O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR;
const OWNERS_ALONE = 0o600;
const PERMISSIONS = 0o777;
/** What SQLite puts beside a database; it takes over the permissions when it makes them. */
const COMPANIONS = ["-wal", "-shm", "-journal"] as const;

/**
 * Makes a new file that nobody else can read, or takes that of an existing one from everybody else.
 *
 * An existing file is never opened here: closing it would drop the locks of this process's other
 * connections to it.
 *
 * @throws {@link CacheUnavailableError} It cannot be made, or is there and not a regular file.
 */
export function secureFile(path: string): void {
  try {
    if (!create(path)) tighten(path);
    for (const suffix of COMPANIONS) tightenIfThere(`${path}${suffix}`);
  } catch (cause) {
    throw readFailure(cause);
  }
}

/** A file in which a committed write is found again after a restart. */
export interface WatchedFile {
  /** Whether the path still names the file that is open. */
  readonly isIntact: boolean;
}

/** A database that is in memory, or has no file of its own. */
export const UNWATCHED: WatchedFile = { isIntact: true };

/** The smallest page of a database: a file that has been opened holds one. */
const SMALLEST_PAGE_BYTES = 512;

/**
 * Remembers the files of a database that is open, with its log.
 *
 * @throws {@link CacheUnavailableError} They are not there.
 */
export function identityOf(path: string): FileIdentity {
  const companions = [`${path}-wal`, `${path}-shm`];
  return new FileIdentity(path, { companions, minBytes: SMALLEST_PAGE_BYTES });
}

/**
 * Remembers the file of a database that its owner opened, `undefined` if it has none. Its owner
 * decides on the journal, whose files may come and go.
 */
export function identityOfMain(connection: SqliteConnection): FileIdentity | undefined {
  const rows = prepareRaw(connection, "PRAGMA database_list").all() as [number, string, string][];
  const path = rows.find(([, name]) => name === "main")?.[2];
  return path ? new FileIdentity(path) : undefined;
}

/** Makes an empty file; tells whether there was none. */
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

/** Tells whether an error of the file system is of this kind. */
export function hasCode(error: unknown, code: string): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === code;
}
