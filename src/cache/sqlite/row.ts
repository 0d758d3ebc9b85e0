/**
 * The `state` column of a record: eight bytes of revision, then the head.
 *
 * A revision is a number that grows by two with every write. It is odd while the record has a body.
 */
import { Buffer } from "node:buffer";
import type { CacheEntry, Revision } from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";

/** The number of bytes before the head. */
export const REVISION_BYTES = 8;
/**
 * The first revision is random, so that a record inserted after a deletion does not repeat the revisions
 * of its predecessor. It is small enough for later increments to stay exact.
 */
const FIRST_REVISIONS = 2 ** 51;

/** Returns the revision of a new record. */
export function firstRevision(record: { readonly body?: Uint8Array | undefined }): number {
  return 2 * Math.floor(Math.random() * FIRST_REVISIONS) + (record.body === undefined ? 0 : 1);
}

/** Returns the next revision of a record that keeps its body or drops it. */
export function nextRevision(revision: number, body: "keep" | "drop"): number {
  const next = revision + 2;
  return body === "keep" ? next : next - (next % 2);
}

/** Returns whether a caller's token has the form of a revision. */
export function isRevision(token: Revision): token is number {
  return typeof token === "number" && Number.isSafeInteger(token) && token >= 0;
}

/** Returns the stored form of a revision. */
export function toPrefix(revision: number): Buffer {
  const bytes = Buffer.allocUnsafe(REVISION_BYTES);
  bytes.writeDoubleBE(revision, 0);
  return bytes;
}

/** Returns the stored form of a state. */
export function toState(revision: number, head: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(REVISION_BYTES + head.length);
  bytes.writeDoubleBE(revision, 0);
  bytes.set(head, REVISION_BYTES);
  return bytes;
}

/**
 * Returns the cache entry that a stored state encodes.
 *
 * @throws {@link CacheUnavailableError} The value is not a state: other software wrote it.
 */
export function toEntry(state: unknown): CacheEntry {
  if (!Buffer.isBuffer(state) || state.length < REVISION_BYTES) throw new CacheUnavailableError();
  const revision = state.readDoubleBE(0);
  return { head: state.subarray(REVISION_BYTES), revision, hasBody: revision % 2 === 1 };
}
