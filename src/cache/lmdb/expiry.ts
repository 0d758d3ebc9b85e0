/** Finds due records, and updates the index of purge times after their removal. */
import type { Buffer } from "node:buffer";
import {
  type Expiry,
  type ExpiryRow,
  expiriesOf,
  keyAfter,
  purgeTimeOf,
  shortened,
} from "./expiry-rows.js";
import type { FoundRecord } from "./store.js";
import type { Tables } from "./tables.js";

/** The most rows of the index read for one transaction. */
const ROWS_AT_ONCE = 16;

/** A row of the index, split into the expiries that were examined and those that were not. */
interface OpenRow {
  readonly row: ExpiryRow;
  readonly lookedAt: readonly Expiry[];
  readonly left: readonly Expiry[];
}

/** The result of one search: due records and the rows of the index that name them. */
export interface PurgeStep {
  readonly due: readonly FoundRecord[];
  /** Empty if no record is due. */
  readonly rows: readonly OpenRow[];
}

/** Returns records that are due at `dueMs`: at most `limit`, from a bounded number of rows. */
export function findDue(tables: Tables, dueMs: number, limit: number): PurgeStep {
  const due = new Map<string, FoundRecord>();
  const rows: OpenRow[] = [];
  const range = { end: keyAfter(dueMs), limit: ROWS_AT_ONCE };
  for (const row of tables.read(() => [...tables.expiries.getRange(range)])) {
    if (due.size >= limit) break;
    const expiries = expiriesOf(row);
    let next = 0;
    for (; next < expiries.length && due.size < limit; next++) {
      const expiry = expiries[next] as Expiry;
      if (expiry.purgeAtMs > dueMs) break;
      const head = tables.head(expiry.key);
      // A record whose purge time was set later has another expiry for the new time.
      if (head === undefined || head.purgeAtMs > dueMs) continue;
      due.set(nameOf(expiry.key), { key: expiry.key, row: head });
    }
    rows.push({ row, lookedAt: expiries.slice(0, next), left: expiries.slice(next) });
  }
  return { due: [...due.values()], rows };
}

/** Returns the purge time of the first row of the index, `undefined` if the index is empty. */
export function earliestPurgeTime(tables: Tables): number | undefined {
  const [first] = tables.read(() => [...tables.expiries.getRange({ limit: 1 })]);
  return first === undefined ? undefined : purgeTimeOf(first);
}

/**
 * Issues the writes that remove the examined expiries from the index. It keeps the expiries that were
 * not examined, and those of the records in `kept`, which were changed before they could be removed.
 */
export async function tidy(
  tables: Tables,
  step: PurgeStep,
  kept: ReadonlySet<string>,
): Promise<boolean> {
  const writes: Promise<boolean>[] = [];
  for (const { row, lookedAt, left } of step.rows) {
    const needed = lookedAt.filter(({ key }) => kept.has(nameOf(key))).concat(left);
    const shorter = needed.length > 0 ? shortened(row, needed) : undefined;
    if (shorter?.key.equals(row.key) !== true) writes.push(tables.expiries.remove(row.key));
    if (shorter !== undefined) writes.push(tables.expiries.put(shorter.key, shorter.value));
  }
  await Promise.all(writes);
  return true;
}

/** Returns a key as a string, for comparisons. */
export function nameOf(key: Buffer): string {
  return key.toString("latin1");
}
