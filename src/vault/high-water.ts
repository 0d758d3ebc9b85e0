import { setBounded } from "../primitives/bounded-map.js";

const MAX_MARKS = 10_000;
/** The floor of a record that this process deleted: no state of it is recent enough. */
export const GONE: number = Number.POSITIVE_INFINITY;

/**
 * Remembers the newest state known of records that changed.
 *
 * A writer of the cache can put back an earlier, genuine head of a record, which nothing in the head
 * can betray; while this process remembers a later one, it is found out. Records that never changed
 * are not remembered, and the oldest of 10,000 marks makes room for the next.
 */
export class HighWaterMarks {
  readonly #marks = new Map<string, number>();

  /**
   * Returns the earliest revision that a read which begins now may find: a read that began before a
   * write may well find what the write replaced.
   */
  floorOf(lookupId: string): number {
    return this.#marks.get(lookupId) ?? 0;
  }

  /** Remembers a state that was read or written, unless a later one is known. */
  raise(lookupId: string, revision: number): void {
    const mark = this.#marks.get(lookupId) ?? 0;
    if (revision > mark) setBounded(this.#marks, lookupId, revision, MAX_MARKS);
  }

  /** Accepts an earlier state of a record, unless the record was deleted. */
  lower(lookupId: string, revision: number): void {
    const mark = this.#marks.get(lookupId) ?? 0;
    if (mark !== GONE && revision < mark) this.#marks.set(lookupId, revision);
  }

  /** Remembers that a record was deleted. */
  markDeleted(lookupId: string): void {
    this.raise(lookupId, GONE);
  }
}
