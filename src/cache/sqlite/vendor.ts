/** The part of a better-sqlite3 connection that is called, and what its failures mean. */

import { withoutPath } from "../../primitives/causes.js";
import {
  CacheFullError,
  CacheUnavailableError,
  isVaultError,
  OutcomeUnknownError,
} from "../../vault/errors.js";

/** A value that is bound to a parameter. */
export type SqliteValue = string | number | Uint8Array | null;

/** A prepared statement. */
export interface SqliteStatement {
  run(...values: SqliteValue[]): { changes: number };
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
  raw(toggle: boolean): unknown;
  pluck(toggle: boolean): unknown;
  safeIntegers(toggle: boolean): unknown;
}

/** A synchronous connection to a SQLite database: a `Database` of better-sqlite3. */
export interface SqliteConnection {
  /** Whether the database is in memory only. */
  readonly memory: boolean;
  /** Whether a transaction is open. */
  readonly inTransaction: boolean;
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  close(): unknown;
}

/** Returns a statement whose rows are arrays of plain numbers, whatever the owner's defaults are. */
export function prepareRaw(connection: SqliteConnection, sql: string): SqliteStatement {
  const statement = connection.prepare(sql);
  statement.safeIntegers(false);
  statement.raw(true);
  return statement;
}

/** Returns a statement whose rows are their first value. */
export function preparePluck(connection: SqliteConnection, sql: string): SqliteStatement {
  const statement = connection.prepare(sql);
  statement.safeIntegers(false);
  statement.pluck(true);
  return statement;
}

/** Returns a statement that has no rows. */
export function prepareWrite(connection: SqliteConnection, sql: string): SqliteStatement {
  const statement = connection.prepare(sql);
  statement.safeIntegers(false);
  return statement;
}

/** Returns the only value of the first row of a query, if there is one. */
export function queryValue(connection: SqliteConnection, sql: string): unknown {
  return preparePluck(connection, sql).get();
}

/** Ends a transaction that is still open; what cannot be undone now is undone at the next opening. */
export function rollBack(connection: SqliteConnection): void {
  try {
    if (connection.inTransaction) connection.exec("ROLLBACK");
  } catch {
    // The failure that led here is the one to report.
  }
}

/** Tells whether somebody else is at work, so that trying again later may help. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return true;
  // The owner of a wrapped connection is going through the rows of a query.
  return error instanceof TypeError && error.message.includes("busy executing");
}

/** Tells whether there is no room on the disk: for the data, or for the index of the WAL. */
export function isFull(error: unknown): boolean {
  const code = codeOf(error);
  return code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE";
}

/** What a failed read throws: it is never a miss. */
export function readFailure(error: unknown): Error {
  return isVaultError(error) ? error : new CacheUnavailableError({ cause: withoutPath(error) });
}

/** What a write that was rolled back throws. */
export function writeFailure(error: unknown): Error {
  return isFull(error) ? new CacheFullError() : readFailure(error);
}

/**
 * What a write throws whose commit failed. After a failed write or flush of the disk nobody knows
 * what a recovery would find there; every other failure is certain.
 */
export function commitFailure(error: unknown): Error {
  const code = codeOf(error);
  const isUnclear = code.startsWith("SQLITE_IOERR") && !READ_FAILURES.has(code) && !isFull(error);
  return isUnclear ? new OutcomeUnknownError({ cause: error }) : writeFailure(error);
}

const READ_FAILURES: ReadonlySet<string> = new Set([
  "SQLITE_IOERR_READ",
  "SQLITE_IOERR_SHORT_READ",
  "SQLITE_IOERR_CORRUPTFS",
]);

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null | undefined)?.code ?? "");
}
