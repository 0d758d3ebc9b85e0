/**
 * Keys in the order of their insertion, for scans that resume where they stopped.
 *
 * Keys are kept in groups of consecutive insertions. A scan finds its position by a binary search over
 * the groups, and a key is removed in constant time. A group stays until its last key is removed.
 */

/** Small, so that a single long-lived key keeps little memory in use. */
const GROUP_KEYS = 64;
/** The list of group numbers is rebuilt after at least this many groups were removed. */
const MIN_REMOVED = 64;

/** Where a scan resumes (`from`), and the last insertion that it covers (`until`). */
export interface ScanPosition {
  readonly from: number;
  readonly until: number;
}

/** A page of a scan. */
export interface KeyPage {
  readonly keys: readonly string[];
  /** Absent when the scan is complete. */
  readonly next: ScanPosition | undefined;
}

interface Group {
  /** Indexed by the number of the insertion modulo the size of a group. */
  readonly keys: (string | undefined)[];
  keyCount: number;
}

/** The keys of a cache, each with the number of its insertion. */
export class InsertionOrder {
  readonly #groups = new Map<number, Group>();
  /** The numbers of the groups, ascending; some of them may have been removed. */
  #numbers: number[] = [];
  #last = 0;

  /** Adds a key. Returns the number of its insertion. */
  add(key: string): number {
    this.#last += 1;
    const insertion = this.#last;
    const group = this.#groups.get(groupOf(insertion)) ?? this.#newGroup(groupOf(insertion));
    group.keys[insertion % GROUP_KEYS] = key;
    group.keyCount += 1;
    return insertion;
  }

  /** Removes the key of an insertion. */
  delete(insertion: number): void {
    const number = groupOf(insertion);
    const group = this.#groups.get(number);
    if (group === undefined) return;
    group.keys[insertion % GROUP_KEYS] = undefined;
    group.keyCount -= 1;
    if (group.keyCount === 0) this.#removeGroup(number);
  }

  /** Returns the start position of a scan of all present keys. */
  start(): ScanPosition {
    return { from: 0, until: this.#last };
  }

  /** Returns the next keys of a scan, at most `maxKeys`. */
  page({ from, until }: ScanPosition, maxKeys: number): KeyPage {
    const keys: string[] = [];
    for (const [insertion, key] of this.#entries(from)) {
      if (insertion > until) break;
      if (keys.length === maxKeys) return { keys, next: { from: insertion, until } };
      keys.push(key);
    }
    return { keys, next: undefined };
  }

  /** Removes every key. */
  clear(): void {
    this.#groups.clear();
    this.#numbers = [];
  }

  *#entries(from: number): Generator<readonly [insertion: number, key: string]> {
    for (let place = this.#firstFrom(groupOf(from)); place < this.#numbers.length; place++) {
      const number = this.#numbers[place] ?? 0;
      for (const [slot, key] of this.#groups.get(number)?.keys.entries() ?? []) {
        const insertion = number * GROUP_KEYS + slot;
        if (key !== undefined && insertion >= from) yield [insertion, key];
      }
    }
  }

  #newGroup(number: number): Group {
    const group: Group = { keys: [], keyCount: 0 };
    this.#groups.set(number, group);
    if (this.#numbers.at(-1) !== number) this.#numbers.push(number);
    return group;
  }

  #removeGroup(number: number): void {
    this.#groups.delete(number);
    if (this.#numbers.length > 2 * this.#groups.size + MIN_REMOVED) {
      this.#numbers = [...this.#groups.keys()];
    }
  }

  /** Returns the index of the first group with this number or a higher one. */
  #firstFrom(number: number): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[middle] ?? number) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function groupOf(insertion: number): number {
  return Math.floor(insertion / GROUP_KEYS);
}
