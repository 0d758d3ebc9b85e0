/**
 * The rows of the index of purge times. A row holds the keys of many records that were written at the
 * same moment, and its own key starts with the earliest of their purge times. A row is only a hint: the
 * head row decides whether a record is due.
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";

/** The time at which a purge should examine a record. */
export interface Expiry {
  readonly key: Buffer;
  readonly purgeAtMs: number;
}

/** A row of the index. */
export interface ExpiryRow {
  readonly key: Buffer;
  readonly value: Buffer;
}

const TIME_BYTES = 6;
const LENGTH_BYTES = 2;
const SUFFIX_BYTES = 10;
/** Rows up to this length share pages with others; longer ones get pages of their own. */
const MAX_ROW_BYTES = 1900;

/** Makes the keys of rows unique: random for each process, followed by a counter. */
const SUFFIX: Buffer = randomBytes(SUFFIX_BYTES);
let rowCount = 0;

/** Returns the rows for expiries that are written together. */
export function rowsOf(expiries: Expiry[]): ExpiryRow[] {
  // Sorted, so that a row holds close purge times and is rewritten seldom.
  expiries.sort((a, b) => a.purgeAtMs - b.purgeAtMs);
  const rows: ExpiryRow[] = [];
  let start = 0;
  let byteCount = 0;
  for (let index = 0; index < expiries.length; index++) {
    const size = sizeOf(expiries[index] as Expiry);
    if (byteCount > 0 && byteCount + size > MAX_ROW_BYTES) {
      rows.push(rowOf(expiries.slice(start, index), nextSuffix()));
      start = index;
      byteCount = 0;
    }
    byteCount += size;
  }
  if (byteCount > 0) rows.push(rowOf(expiries.slice(start), nextSuffix()));
  return rows;
}

/** Returns a row with only some of its expiries. It has the same key in every process that computes it. */
export function shortened(row: ExpiryRow, left: readonly Expiry[]): ExpiryRow {
  return rowOf(left, row.key.subarray(TIME_BYTES));
}

/** Returns the earliest purge time of a row. */
export function purgeTimeOf({ key }: Pick<ExpiryRow, "key">): number {
  return key.readUIntBE(0, TIME_BYTES);
}

/** Returns the expiries of a row, earliest first. */
export function expiriesOf({ value }: ExpiryRow): Expiry[] {
  const expiries: Expiry[] = [];
  let at = 0;
  while (at < value.length) {
    const purgeAtMs = value.readUIntBE(at, TIME_BYTES);
    const keyAt = at + TIME_BYTES + LENGTH_BYTES;
    const end = keyAt + value.readUInt16BE(at + TIME_BYTES);
    if (end > value.length) throw new Error("not a row of expiries");
    expiries.push({ key: value.subarray(keyAt, end), purgeAtMs });
    at = end;
  }
  return expiries;
}

/** Returns the first key of rows that are not due yet. */
export function keyAfter(nowMs: number): Buffer {
  const key = Buffer.alloc(TIME_BYTES);
  key.writeUIntBE(Math.min(2 ** 48 - 1, Math.max(0, Math.floor(nowMs) + 1)), 0, TIME_BYTES);
  return key;
}

function rowOf(expiries: readonly Expiry[], suffix: Buffer): ExpiryRow {
  const value = Buffer.allocUnsafe(expiries.reduce((sum, expiry) => sum + sizeOf(expiry), 0));
  let at = 0;
  for (const { key, purgeAtMs } of expiries) {
    value.writeUIntBE(purgeAtMs, at, TIME_BYTES);
    value.writeUInt16BE(key.length, at + TIME_BYTES);
    value.set(key, at + TIME_BYTES + LENGTH_BYTES);
    at += TIME_BYTES + LENGTH_BYTES + key.length;
  }
  const key = Buffer.allocUnsafe(TIME_BYTES + suffix.length);
  key.set(value.subarray(0, TIME_BYTES));
  key.set(suffix, TIME_BYTES);
  return { key, value };
}

function sizeOf({ key }: Expiry): number {
  return TIME_BYTES + LENGTH_BYTES + key.length;
}

function nextSuffix(): Buffer {
  rowCount += 1;
  const suffix = Buffer.allocUnsafe(SUFFIX_BYTES + 6);
  suffix.set(SUFFIX);
  suffix.writeUIntBE(rowCount, SUFFIX_BYTES, 6);
  return suffix;
}
