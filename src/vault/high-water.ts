const MAX_MARKS = 10_000;
/** The mark of a deleted record: no state of it is recent enough. */
const GONE = Number.POSITIVE_INFINITY;

/**
 * Remembers the newest state seen of records that changed.
 *
 * A writer of the cache can put back an earlier, genuine head of a record, which nothing in the head
 * can betray; while this process remembers a later one, it is found out. Records that never changed
 * are not remembered.
 */
export class HighWaterMarks {
  readonly #marks = new Map<string, number>();

  /** Tells whether this process deleted the record. */
  isGone(lookupId: string): boolean {
    return this.#marks.get(lookupId) === GONE;
  }

  /** Tells whether a state of a record is as new as any seen before, and remembers it. */
  admits(lookupId: string, revision: number): boolean {
    const mark = this.#marks.get(lookupId);
    if (mark !== undefined && revision < mark) return false;
    if (revision > 0 && revision !== mark) this.raise(lookupId, revision);
    return true;
  }

  /** Remembers a state that was written. */
  raise(lookupId: string, revision: number): void {
    this.#marks.delete(lookupId);
    this.#marks.set(lookupId, revision);
    if (this.#marks.size <= MAX_MARKS) return;
    const oldest = this.#marks.keys().next();
    if (!oldest.done) this.#marks.delete(oldest.value);
  }

  /** Remembers that a record was deleted. */
  bury(lookupId: string): void {
    this.raise(lookupId, GONE);
  }
}
