/** The rows of the databases: keys, heads with what belongs to them, and the index of purge times. */
import { Buffer } from "node:buffer";
import { randomInt } from "node:crypto";
import type { Revision } from "../../vault/contracts.js";
import { behindFront, type Head } from "../front.js";

/** The longest key, in bytes of UTF-8: what LMDB takes, less a mark before it and one behind it. */
export const MAX_KEY_BYTES = 1976;
const ESCAPE = 0;

/**
 * Returns a key as LMDB takes it. An empty one is not allowed there, so that one gets a zero byte,
 * and so does each that begins with a zero byte.
 *
 * @throws RangeError The key is too long or is not well-formed Unicode.
 */
export function encodeKey(key: string): Buffer {
  const bytes = Buffer.from(key, "utf8");
  if (bytes.length > MAX_KEY_BYTES) {
    throw new RangeError(`key must have at most ${MAX_KEY_BYTES} bytes of UTF-8`);
  }
  // Lone surrogates would all become the same bytes; where there is one byte each, there are none.
  if (bytes.length !== key.length && !key.isWellFormed()) {
    throw new RangeError("key must be well-formed Unicode");
  }
  if (bytes.length > 0 && bytes[0] !== ESCAPE) return bytes;
  return Buffer.concat([Buffer.of(ESCAPE), bytes]);
}

/** Returns the key that {@link encodeKey} was given. */
export function decodeKey(bytes: Buffer): string {
  return bytes.toString("utf8", bytes[0] === ESCAPE ? 1 : 0);
}

/** A head row: purge time (48 bits, big-endian), flags (8 bits), head. Its version is the revision. */
export const FRONT_BYTES = 7;
const FLAGS_AT = 6;
const HAS_BODY = 1;

/** What is stored about a record beside its body. */
export interface HeadRow {
  readonly revision: number;
  readonly purgeAtMs: number;
  readonly hasBody: boolean;
  readonly head: Uint8Array;
}

/** Returns a head row for storing. */
export function encodeHead(
  head: Head,
  { purgeAtMs, hasBody }: Pick<HeadRow, "purgeAtMs" | "hasBody">,
): Buffer {
  const row = behindFront(head, FRONT_BYTES);
  row.writeUIntBE(purgeAtMs, 0, 6);
  row[FLAGS_AT] = hasBody ? HAS_BODY : 0;
  return row;
}

/**
 * Returns what a head row says, but for its revision.
 *
 * @param bytes - lmdb's own memory, which it uses again: the head is copied out of it.
 */
export function decodeHead(bytes: Uint8Array): Omit<HeadRow, "revision"> {
  if (bytes.length < FRONT_BYTES) throw new Error("not a head row");
  let purgeAtMs = 0;
  for (let at = 0; at < FLAGS_AT; at++) purgeAtMs = purgeAtMs * 256 + (bytes[at] as number);
  return { purgeAtMs, hasBody: bytes[FLAGS_AT] === HAS_BODY, head: copyOf(bytes, FRONT_BYTES) };
}

/** Returns a copy of bytes from `start` on. `slice` would clear the memory first, and be slower. */
export function copyOf(bytes: Uint8Array, start = 0): Buffer {
  const length = bytes.length - start;
  const copy = Buffer.allocUnsafe(length);
  // The length that lmdb gives to its memory is not that of the array underneath.
  copy.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, length));
  return copy;
}

/** The latest purge time that a row can hold, in milliseconds since 1970: the year 10889. */
const MAX_TIME_MS: number = 2 ** 48 - 1;

/** Returns a purge time that a row can hold. */
export function purgeTime(nowMs: number, purgeAfterMs: number): number {
  return Math.min(MAX_TIME_MS, Math.max(0, Math.ceil(nowMs + purgeAfterMs)));
}

/** The random part of a first revision. Those that follow count on, and stay far below 2^53. */
const FIRST_REVISIONS = 2 ** 48;
const REVISION_STRIDE = 16;

/** Returns the revision of a new record, which no earlier record of this key had. */
export function firstRevision(): number {
  return 1 + randomInt(FIRST_REVISIONS - 1) * REVISION_STRIDE;
}

/** Tells whether a revision is of the kind that this cache gives. */
export function isRevision(revision: Revision): revision is number {
  return Number.isSafeInteger(revision) && (revision as number) > 0;
}
