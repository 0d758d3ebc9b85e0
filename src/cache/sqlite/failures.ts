/** What errors of better-sqlite3 mean, and the errors of the library that callers get for them. */
import { withoutPath } from "../../primitives/causes.js";
import {
  CacheFullError,
  CacheUnavailableError,
  isVaultError,
  OutcomeUnknownError,
} from "../../vault/errors.js";

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
