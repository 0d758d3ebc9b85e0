/** The encoding of keys, head rows, purge times and revisions. */
import { Buffer } from "node:buffer";
import { randomInt } from "node:crypto";
import type { Revision } from "../../vault/contracts.js";

/** The longest key, in bytes of UTF-8: the limit of LMDB, less one byte before and one behind the key. */
export const MAX_KEY_BYTES = 1976;
const ESCAPE = 0;

/**
 * Returns the bytes of a key for LMDB. LMDB refuses empty keys, so an empty key, and each key that begins
 * with a zero byte, gets a zero byte in front.
 *
 * @throws RangeError The key is too long or is not well-formed Unicode.
 */
export function encodeKey(key: string): Buffer {
  const bytes = Buffer.from(key, "utf8");
  if (bytes.length > MAX_KEY_BYTES) {
    throw new RangeError(`key must have at most ${MAX_KEY_BYTES} bytes of UTF-8`);
  }
  // All lone surrogates would become the same bytes. A key with one byte per character has none.
  if (bytes.length !== key.length && !key.isWellFormed()) {
    throw new RangeError("key must be well-formed Unicode");
  }
  if (bytes.length > 0 && bytes[0] !== ESCAPE) return bytes;
  return Buffer.concat([Buffer.of(ESCAPE), bytes]);
}

/** Reverses {@link encodeKey}. */
export function decodeKey(bytes: Buffer): string {
  return bytes.toString("utf8", bytes[0] === ESCAPE ? 1 : 0);
}

/** A head row: purge time (48 bits, big-endian), flags (8 bits), head. The row's version is the revision. */
const HEADER_BYTES = 7;
const FLAGS_AT = 6;
const HAS_BODY = 1;

/** A decoded head row. */
export interface HeadRow {
  readonly revision: number;
  readonly purgeAtMs: number;
  readonly hasBody: boolean;
  readonly head: Uint8Array;
}

/** Encodes a head row. */
export function encodeHead(
  head: Uint8Array,
  { purgeAtMs, hasBody }: Pick<HeadRow, "purgeAtMs" | "hasBody">,
): Buffer {
  const row = Buffer.allocUnsafe(HEADER_BYTES + head.length);
  row.set(head, HEADER_BYTES);
  row.writeUIntBE(purgeAtMs, 0, 6);
  row[FLAGS_AT] = hasBody ? HAS_BODY : 0;
  return row;
}

/**
 * Decodes a head row, without its revision.
 *
 * @param bytes - Memory that lmdb reuses: the head is copied out of it.
 */
export function decodeHead(bytes: Uint8Array): Omit<HeadRow, "revision"> {
  if (bytes.length < HEADER_BYTES) throw new Error("not a head row");
  let purgeAtMs = 0;
  for (let at = 0; at < FLAGS_AT; at++) purgeAtMs = purgeAtMs * 256 + (bytes[at] as number);
  return { purgeAtMs, hasBody: bytes[FLAGS_AT] === HAS_BODY, head: copyOf(bytes, HEADER_BYTES) };
}

/** Returns a copy of bytes from `start` on. Faster than `slice`, which clears the new memory first. */
export function copyOf(bytes: Uint8Array, start = 0): Buffer {
  const length = bytes.length - start;
  const copy = Buffer.allocUnsafe(length);
  // lmdb sets `length` to that of the value; the underlying array is longer.
  copy.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, length));
  return copy;
}

/** The latest purge time that a row can hold, in milliseconds since 1970: the year 10889. */
const MAX_TIME_MS: number = 2 ** 48 - 1;

/** Returns a purge time, limited to what a row can hold. */
export function purgeTime(nowMs: number, purgeAfterMs: number): number {
  return Math.min(MAX_TIME_MS, Math.max(0, Math.ceil(nowMs + purgeAfterMs)));
}

/** The range of the random first revision. Later revisions count up from it and stay far below 2^53. */
const FIRST_REVISIONS = 2 ** 48;
const REVISION_STRIDE = 16;

/** Returns a random revision for a new record, so that it differs from those of earlier records of the key. */
export function firstRevision(): number {
  return 1 + randomInt(FIRST_REVISIONS - 1) * REVISION_STRIDE;
}

/** Returns whether a caller's token has the form of a revision. */
export function isRevision(revision: Revision): revision is number {
  return Number.isSafeInteger(revision) && (revision as number) > 0;
}
