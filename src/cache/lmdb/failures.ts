/** Converts failures of lmdb, of its file and of its locks into errors of this library. */
import { redactPath } from "../../primitives/redact-path.js";
import { CacheUnavailableError, isVaultError } from "../../vault/errors.js";

const MDB_READERS_FULL = -30_790;

/** Returns an error of this library unchanged, and wraps any other as its cause. */
export function unavailable(error: unknown): Error {
  if (isVaultError(error)) return error;
  return new CacheUnavailableError({ cause: explained(redactPath(error)) });
}

/** Runs a read. A failure throws `CacheUnavailableError`; it is never reported as a miss. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unavailable(error);
  }
}

/** Returns an error that explains the remedy where the message of lmdb does not. */
function explained(cause: unknown): unknown {
  const { code } = (cause ?? {}) as { code?: unknown };
  if (code !== MDB_READERS_FULL) return cause;
  return new Error(
    "too many readers of the LMDB file: close it in other processes, and open it with larger maxReaders",
    { cause },
  );
}
