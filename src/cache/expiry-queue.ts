/**
 * Records in the order of their purge times: a binary heap (Williams, 1964) in which every entry stores
 * its index, so that it can be moved or removed without a search. No operation takes more than log n
 * steps.
 */

/** An entry of a queue. */
export interface QueueEntry {
  /** The entry's index in the heap; written by the queue. */
  index: number;
}

/** Finds the entry with the earliest purge time. */
export class ExpiryQueue<Entry extends QueueEntry> {
  #entries: Entry[] = [];
  /** The purge times, by the index of their entry. A separate array makes comparisons fast. */
  #times: number[] = [];

  /** Adds an entry. */
  add(entry: Entry, purgeAtMs: number): void {
    this.#rise(entry, purgeAtMs, this.#entries.length);
  }

  /** Returns the purge time of an entry. */
  timeOf(entry: Entry): number {
    return this.#timeAt(entry.index);
  }

  /** Changes the purge time of an entry. */
  reschedule(entry: Entry, purgeAtMs: number): void {
    this.#settle(entry, purgeAtMs, entry.index);
  }

  /** Removes an entry. */
  remove(entry: Entry): void {
    const last = this.#entries.pop();
    const purgeAtMs = this.#times.pop() ?? 0;
    if (last !== undefined && last !== entry) this.#settle(last, purgeAtMs, entry.index);
  }

  /** Returns the due entry with the earliest purge time, or `undefined` if none is due. */
  firstDue(nowMs: number): Entry | undefined {
    return this.#entries.length > 0 && this.#timeAt(0) <= nowMs ? this.#entries[0] : undefined;
  }

  /** Removes every entry. */
  clear(): void {
    this.#entries = [];
    this.#times = [];
  }

  /** Moves an entry from a free index up or down to its position. */
  #settle(entry: Entry, purgeAtMs: number, index: number): void {
    const isEarlier = index > 0 && purgeAtMs < this.#timeAt((index - 1) >> 1);
    if (isEarlier) this.#rise(entry, purgeAtMs, index);
    else this.#sink(entry, purgeAtMs, index);
  }

  #rise(entry: Entry, purgeAtMs: number, from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (this.#timeAt(above) <= purgeAtMs) break;
      this.#move(above, index);
      index = above;
    }
    this.#put(entry, purgeAtMs, index);
  }

  #sink(entry: Entry, purgeAtMs: number, from: number): void {
    const size = this.#entries.length;
    let index = from;
    for (let below = 2 * index + 1; below < size; below = 2 * index + 1) {
      if (below + 1 < size && this.#timeAt(below + 1) < this.#timeAt(below)) below += 1;
      if (purgeAtMs <= this.#timeAt(below)) break;
      this.#move(below, index);
      index = below;
    }
    this.#put(entry, purgeAtMs, index);
  }

  #move(from: number, to: number): void {
    const entry = this.#entries[from];
    if (entry !== undefined) this.#put(entry, this.#timeAt(from), to);
  }

  #put(entry: Entry, purgeAtMs: number, index: number): void {
    this.#entries[index] = entry;
    this.#times[index] = purgeAtMs;
    entry.index = index;
  }

  #timeAt(index: number): number {
    return this.#times[index] ?? 0;
  }
}
