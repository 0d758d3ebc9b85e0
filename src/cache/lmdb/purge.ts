/** Finds what is due, and tidies the index of purge times afterwards. */
import type { Buffer } from "node:buffer";
import { type Expiry, type ExpiryRow, expiriesOf, keyAfter, shortened } from "./expiry-rows.js";
import type { HeadRow } from "./rows.js";
import type { Tables } from "./tables.js";

/** At most so many records are removed by one transaction, and so many rows read for it. */
const PURGED_AT_ONCE = 128;
const ROWS_AT_ONCE = 16;

/** A record that is due, in the state in which it is. */
export interface Due {
  readonly key: Buffer;
  readonly row: HeadRow;
}

/** A row of the index: what has been looked at, and what has not. */
interface OpenRow {
  readonly row: ExpiryRow;
  readonly lookedAt: readonly Expiry[];
  readonly left: readonly Expiry[];
}

/** What one step of a purge has found. */
export interface PurgeStep {
  readonly due: readonly Due[];
  /** None when nothing is due. */
  readonly rows: readonly OpenRow[];
}

/** Finds what is due at `nowMs`: at most `limit` records in a bounded number of rows. */
export function findDue(tables: Tables, nowMs: number, limit: number): PurgeStep {
  tables.refresh();
  const due = new Map<string, Due>();
  const rows: OpenRow[] = [];
  const most = Math.min(limit, PURGED_AT_ONCE);
  for (const row of tables.expiries.getRange({ end: keyAfter(nowMs), limit: ROWS_AT_ONCE })) {
    if (due.size >= most) break;
    const expiries = expiriesOf(row);
    let next = 0;
    for (; next < expiries.length && due.size < most; next++) {
      const expiry = expiries[next] as Expiry;
      if (expiry.purgeAtMs > nowMs) break;
      const head = tables.head(expiry.key);
      // A record with a later purge time has an expiry of its own for that.
      if (head === undefined || head.purgeAtMs > nowMs) continue;
      due.set(nameOf(expiry.key), { key: expiry.key, row: head });
    }
    rows.push({ row, lookedAt: expiries.slice(0, next), left: expiries.slice(next) });
  }
  return { due: [...due.values()], rows };
}

/**
 * Issues the writes that leave in the index what is still needed: what has not been looked at, and
 * the records named in `kept`, which were changed before they could be removed.
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

/** Returns a key as something to compare. */
export function nameOf(key: Buffer): string {
  return key.toString("latin1");
}
