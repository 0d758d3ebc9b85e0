/**
 * Keys in the order of their purge times: a binary heap (Williams, 1964).
 *
 * Changing or deleting a record leaves its old place in the heap behind; `isCurrent` tells the places
 * that still count, and the heap is rebuilt before the others outnumber them.
 */
export class ExpiryQueue {
  #times: number[] = [];
  #keys: string[] = [];
  readonly #isCurrent: (key: string, purgeAtMs: number) => boolean;

  constructor(isCurrent: (key: string, purgeAtMs: number) => boolean) {
    this.#isCurrent = isCurrent;
  }

  /** Adds a key; `liveCount` is the number of records that have a current place. */
  add(key: string, purgeAtMs: number, liveCount: number): void {
    if (this.#keys.length > 2 * liveCount + 64) this.#rebuild();
    this.#push(key, purgeAtMs);
  }

  /** Removes and returns a key whose time has come, or `undefined` when none is due. */
  takeDue(nowMs: number): string | undefined {
    for (;;) {
      const purgeAtMs = this.#times[0];
      const key = this.#keys[0];
      if (key === undefined || purgeAtMs === undefined || purgeAtMs > nowMs) return undefined;
      this.#pop();
      if (this.#isCurrent(key, purgeAtMs)) return key;
    }
  }

  clear(): void {
    this.#times = [];
    this.#keys = [];
  }

  #rebuild(): void {
    const times = this.#times;
    const keys = this.#keys;
    const kept = new Set<string>();
    this.clear();
    for (const [index, key] of keys.entries()) {
      const purgeAtMs = times[index] ?? 0;
      if (kept.has(key) || !this.#isCurrent(key, purgeAtMs)) continue;
      kept.add(key);
      this.#push(key, purgeAtMs);
    }
  }

  #push(key: string, purgeAtMs: number): void {
    let index = this.#keys.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#timeAt(parent) <= purgeAtMs) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#times[index] = purgeAtMs;
    this.#keys[index] = key;
  }

  /** Removes the first place: the last one sinks from there to where it belongs. */
  #pop(): void {
    const lastTime = this.#times.pop() ?? 0;
    const lastKey = this.#keys.pop() ?? "";
    const size = this.#keys.length;
    if (size === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#timeAt(child + 1) < this.#timeAt(child)) child += 1;
      if (lastTime <= this.#timeAt(child)) break;
      this.#move(child, index);
      index = child;
    }
    this.#times[index] = lastTime;
    this.#keys[index] = lastKey;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#timeAt(from);
    this.#keys[to] = this.#keys[from] ?? "";
  }

  #timeAt(index: number): number {
    return this.#times[index] ?? 0;
  }
}
