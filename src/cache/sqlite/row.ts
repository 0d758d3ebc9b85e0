/**
 * What is stored of a record but its body: eight bytes of revision, then the head.
 *
 * A revision is a number that grows by two with every write; it is odd while there is a body.
 */
import { Buffer } from "node:buffer";
import type { CacheEntry, Revision } from "../../vault/contracts.js";
import { CacheUnavailableError } from "../../vault/errors.js";

/** How many bytes precede the head. */
export const REVISION_BYTES = 8;
/** A random start makes the revisions of a key's next record others; counting on stays exact. */
const FIRST_REVISIONS = 2 ** 51;

/** Returns a revision for a new record. */
export function firstRevision(record: { readonly body?: Uint8Array | undefined }): number {
  return 2 * Math.floor(Math.random() * FIRST_REVISIONS) + (record.body === undefined ? 0 : 1);
}

/** Returns the revision that follows, of a record that keeps its body or drops it. */
export function nextRevision(revision: number, body: "keep" | "drop"): number {
  const next = revision + 2;
  return body === "keep" ? next : next - (next % 2);
}

/** Tells whether a caller's token can be a revision at all. */
export function isRevision(token: Revision): token is number {
  return typeof token === "number" && Number.isSafeInteger(token) && token >= 0;
}

/** Returns a revision as it is stored. */
export function toPrefix(revision: number): Buffer {
  const bytes = Buffer.allocUnsafe(REVISION_BYTES);
  bytes.writeDoubleBE(revision, 0);
  return bytes;
}

/** Returns a state as it is stored. */
export function toState(revision: number, head: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(REVISION_BYTES + head.length);
  bytes.writeDoubleBE(revision, 0);
  bytes.set(head, REVISION_BYTES);
  return bytes;
}

/**
 * Returns what a stored state says.
 *
 * @throws {@link CacheUnavailableError} It is none: somebody else wrote it.
 */
export function toEntry(state: unknown): CacheEntry {
  if (!Buffer.isBuffer(state) || state.length < REVISION_BYTES) throw new CacheUnavailableError();
  const revision = state.readDoubleBE(0);
  return { head: state.subarray(REVISION_BYTES), revision, hasBody: revision % 2 === 1 };
}
