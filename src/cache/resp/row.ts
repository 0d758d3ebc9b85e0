/** The stored value of a head: a revision, which includes a flag, and the head. */
import { Buffer } from "node:buffer";
import { fillRandom } from "../../primitives/random-pool.js";
import type { CacheEntry } from "../../vault/contracts.js";

const RANDOM_BYTES = 16;
const HAS_BODY = 1;
/** A revision: random bytes, new for each write, and a byte that is 1 if there is a body. */
export const REVISION_BYTES: number = RANDOM_BYTES + 1;

/** Returns the value to store for a head, with a new revision. */
export function toStored(head: Uint8Array, body: "has body" | "no body"): Buffer {
  const stored = Buffer.allocUnsafe(REVISION_BYTES + head.length);
  stored.set(head, REVISION_BYTES);
  fillRandom(stored, 0, RANDOM_BYTES);
  stored[RANDOM_BYTES] = body === "has body" ? HAS_BODY : 0;
  return stored;
}

/** Returns the cache entry that a stored value encodes. */
export function toEntry(stored: Buffer): CacheEntry {
  return {
    head: stored.subarray(REVISION_BYTES),
    revision: stored.toString("latin1", 0, REVISION_BYTES),
    hasBody: stored[RANDOM_BYTES] === HAS_BODY,
  };
}

/** Returns the bytes of a revision; empty, which matches no stored value, if it is not a revision. */
export function revisionBytes(revision: unknown): Buffer {
  const isRevision = typeof revision === "string" && revision.length === REVISION_BYTES;
  return isRevision ? Buffer.from(revision, "latin1") : Buffer.alloc(0);
}

/** Returns whether a record with this revision has a body. */
export function namesBody(revision: Buffer): boolean {
  return revision[RANDOM_BYTES] === HAS_BODY;
}
