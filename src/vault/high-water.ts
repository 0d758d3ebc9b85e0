import { setBounded } from "../primitives/bounded-map.js";

const MAX_MARKS = 10_000;
/** The minimum revision of a record that this process deleted: no revision reaches it. */
export const GONE: number = Number.POSITIVE_INFINITY;

/**
 * Remembers the newest known revision of records that changed, to detect rollbacks.
 *
 * An attacker who can write to the cache can restore an earlier, genuine head of a record. Nothing in the
 * head shows this, but this process detects it as long as it remembers a later revision. Only changed
 * records are remembered, and at most 10,000: the oldest mark is dropped first.
 */
export class HighWaterMarks {
  readonly #marks = new Map<string, number>();

  /**
   * Returns the lowest revision that a read which starts now may return. Call it before the read: a read
   * that started before a write may legitimately return the replaced revision.
   */
  floorOf(lookupId: string): number {
    return this.#marks.get(lookupId) ?? 0;
  }

  /** Remembers a revision that was read or written, unless a later one is known. */
  raise(lookupId: string, revision: number): void {
    const mark = this.#marks.get(lookupId) ?? 0;
    if (revision > mark) setBounded(this.#marks, lookupId, revision, MAX_MARKS);
  }

  /** Accepts an earlier revision of a record, unless this process deleted the record. */
  lower(lookupId: string, revision: number): void {
    const mark = this.#marks.get(lookupId) ?? 0;
    if (mark !== GONE && revision < mark) this.#marks.set(lookupId, revision);
  }

  /** Remembers that a record was deleted. */
  markDeleted(lookupId: string): void {
    this.raise(lookupId, GONE);
  }
}
