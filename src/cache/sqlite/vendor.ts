/** The part of a better-sqlite3 connection that the cache calls, and statements prepared on it. */

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

/** Returns a statement whose rows are arrays and whose integers are numbers, not bigints. */
export function prepareRaw(connection: SqliteConnection, sql: string): SqliteStatement {
  const statement = connection.prepare(sql);
  statement.safeIntegers(false);
  statement.raw(true);
  return statement;
}

/** Returns a statement whose rows are their first column. */
export function preparePluck(connection: SqliteConnection, sql: string): SqliteStatement {
  const statement = connection.prepare(sql);
  statement.safeIntegers(false);
  statement.pluck(true);
  return statement;
}

/** Returns a statement that returns no rows. */
export function prepareWrite(connection: SqliteConnection, sql: string): SqliteStatement {
  const statement = connection.prepare(sql);
  statement.safeIntegers(false);
  return statement;
}

/** Returns the only value of the first row of a query, if there is one. */
export function queryValue(connection: SqliteConnection, sql: string): unknown {
  return preparePluck(connection, sql).get();
}

/** Rolls back an open transaction. If this fails, SQLite rolls it back when the file is opened next. */
export function rollBack(connection: SqliteConnection): void {
  try {
    if (connection.inTransaction) connection.exec("ROLLBACK");
  } catch {
    // The caller reports the error that led to the rollback.
  }
}
