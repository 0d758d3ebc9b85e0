/** What callers get for failures of lmdb, of its file and of its locks. */
import { withoutPath } from "../../primitives/causes.js";
import { CacheUnavailableError, isVaultError } from "../../vault/errors.js";

const MDB_READERS_FULL = -30_790;

/** Returns an error of the library as it is, and any other as the cause of one. */
export function unavailable(error: unknown): Error {
  if (isVaultError(error)) return error;
  return new CacheUnavailableError({ cause: explained(withoutPath(error)) });
}

/** Runs a read; a failure is the cache's, never a miss. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unavailable(error);
  }
}

/** Returns an error that says what to do, where lmdb's does not. */
function explained(cause: unknown): unknown {
  const { code } = (cause ?? {}) as { code?: unknown };
  if (code !== MDB_READERS_FULL) return cause;
  return new Error(
    "too many readers of the LMDB file: close it in other processes, and open it with larger maxReaders",
    { cause },
  );
}
