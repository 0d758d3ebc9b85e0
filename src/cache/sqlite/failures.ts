/** Classifies errors of better-sqlite3, and converts them into errors of this library. */
import { redactPath } from "../../primitives/redact-path.js";
import {
  CacheFullError,
  CacheUnavailableError,
  isVaultError,
  OutcomeUnknownError,
} from "../../vault/errors.js";

/** Returns whether another connection or query blocks the database, so that a retry may succeed. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) return true;
  // The owner of a wrapped connection is iterating over the rows of a query.
  return error instanceof TypeError && error.message.includes("busy executing");
}

/** Returns whether the disk is full: for the data, or for the index of the WAL. */
export function isFull(error: unknown): boolean {
  const code = codeOf(error);
  return code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE";
}

/** Returns the error that a failed read throws; a failure is never reported as a miss. */
export function readFailure(error: unknown): Error {
  return isVaultError(error) ? error : new CacheUnavailableError({ cause: redactPath(error) });
}

/** Returns the error that a write throws if it was rolled back. */
export function writeFailure(error: unknown): Error {
  return isFull(error) ? new CacheFullError() : readFailure(error);
}

/**
 * Returns the error that a write throws if its commit failed. After a failed write or flush of the disk
 * it is unknown whether a recovery would find the commit; all other failures leave no change.
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
