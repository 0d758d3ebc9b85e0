/**
 * Finds many patterns in a text in one pass: the automaton of Aho and Corasick, "Efficient string
 * matching: an aid to bibliographic search", CACM 18 (1975).
 *
 * Building takes time linear in the length of all patterns. Matching takes time linear in the length of
 * the text and the number of matches. States are numbers in typed arrays and transitions are in one hash
 * table, so half a million states take tens of megabytes and cause no garbage collection.
 */

/** Called where a pattern ends; `end` is the position after its last unit. Returns whether to accept it. */
export type OnMatch = (pattern: number, end: number) => boolean;

/** Called after each unit, with the pattern whose first `depth` units end there. */
export type OnPrefix = (pattern: number, depth: number, end: number) => void;

const ROOT = 0;
const NONE = -1;
const MIN_SLOTS = 1024;

/** An automaton that finds patterns, which are sequences of UTF-16 code units. */
export class StringMatcher {
  readonly #seed: number = (Math.random() * 2 ** 32) | 0;
  #slotMask = MIN_SLOTS - 1;
  /** The hash table of transitions: the source state, the unit, the target state. */
  #fromOf = new Int32Array(MIN_SLOTS).fill(NONE);
  #unitOf = new Uint16Array(MIN_SLOTS);
  #toOf = new Int32Array(MIN_SLOTS);
  #stateCount = 1;
  readonly #parents: number[] = [NONE];
  readonly #units: number[] = [0];
  readonly #depths: number[] = [0];
  /** The first pattern that leads through a state. */
  readonly #owners: number[] = [NONE];
  /** The pattern that ends in a state. */
  readonly #ends: number[] = [NONE];
  /** The state for the longest proper suffix that is a prefix of a pattern. */
  #fallbacks = new Int32Array(0);
  /** The next state in the chain of fallbacks in which a pattern ends. */
  #outputs = new Int32Array(0);
  #patternCount = 0;

  /** The number of patterns. */
  get patternCount(): number {
    return this.#patternCount;
  }

  /** The number of states: the units of all patterns, with common prefixes counted once. */
  get stateCount(): number {
    return this.#stateCount;
  }

  /** Adds a pattern and returns its number, or that of the equal pattern that was added before. */
  add(pattern: string): number {
    let state = ROOT;
    for (let at = 0; at < pattern.length; at++) {
      const unit = pattern.charCodeAt(at);
      const next = this.#next(state, unit);
      state = next === NONE ? this.#grow(state, unit) : next;
    }
    const known = this.#ends[state] ?? NONE;
    if (known !== NONE) return known;
    this.#ends[state] = this.#patternCount;
    this.#fallbacks = EMPTY;
    return this.#patternCount++;
  }

  /**
   * Searches `text` and reports, at each position where patterns end, the longest accepted one.
   *
   * @param onMatch - Returns `false` to reject a match; the next shorter one is reported then.
   */
  match(text: string, onMatch: OnMatch, onPrefix?: OnPrefix): void {
    if (this.#fallbacks.length === 0) this.#link();
    let state = ROOT;
    for (let at = 0; at < text.length; at++) {
      state = this.#step(state, text.charCodeAt(at));
      if (state === ROOT) continue;
      this.#report(state, at + 1, onMatch);
      onPrefix?.(this.#owners[state] ?? NONE, this.#depths[state] ?? 0, at + 1);
    }
  }

  #report(state: number, end: number, onMatch: OnMatch): void {
    let at = (this.#ends[state] ?? NONE) === NONE ? (this.#outputs[state] ?? ROOT) : state;
    while (at !== ROOT && !onMatch(this.#ends[at] ?? NONE, end)) at = this.#outputs[at] ?? ROOT;
  }

  #step(from: number, unit: number): number {
    let state = from;
    for (;;) {
      const next = this.#next(state, unit);
      if (next !== NONE) return next;
      if (state === ROOT) return ROOT;
      state = this.#fallbacks[state] ?? ROOT;
    }
  }

  /** Links every state to its fallback, in the order of their depths. */
  #link(): void {
    const count = this.#stateCount;
    this.#fallbacks = new Int32Array(count);
    this.#outputs = new Int32Array(count);
    for (const state of this.#byDepth()) {
      const parent = this.#parents[state] ?? NONE;
      if (parent <= ROOT) continue;
      const fallback = this.#step(this.#fallbacks[parent] ?? ROOT, this.#units[state] ?? 0);
      this.#fallbacks[state] = fallback;
      const isEnd = (this.#ends[fallback] ?? NONE) !== NONE;
      this.#outputs[state] = isEnd ? fallback : (this.#outputs[fallback] ?? ROOT);
    }
  }

  /** Returns the states sorted by depth, by counting. */
  #byDepth(): Int32Array {
    const starts: number[] = [0];
    for (const depth of this.#depths) starts[depth + 1] = (starts[depth + 1] ?? 0) + 1;
    for (let depth = 1; depth < starts.length; depth++) {
      starts[depth] = (starts[depth] ?? 0) + (starts[depth - 1] ?? 0);
    }
    const sorted = new Int32Array(this.#stateCount);
    for (const [state, depth] of this.#depths.entries()) {
      const place = starts[depth] ?? 0;
      sorted[place] = state;
      starts[depth] = place + 1;
    }
    return sorted;
  }

  #next(state: number, unit: number): number {
    const slot = this.#slotOf(state, unit);
    return this.#fromOf[slot] === NONE ? NONE : (this.#toOf[slot] ?? NONE);
  }

  #grow(state: number, unit: number): number {
    if (this.#stateCount * 2 > this.#slotMask) this.#widen();
    const next = this.#stateCount++;
    this.#put(state, unit, next);
    this.#parents.push(state);
    this.#units.push(unit);
    this.#depths.push((this.#depths[state] ?? 0) + 1);
    this.#owners.push(this.#patternCount);
    this.#ends.push(NONE);
    return next;
  }

  /** Doubles the hash table, which stays at most half full. */
  #widen(): void {
    const [fromOf, unitOf, toOf] = [this.#fromOf, this.#unitOf, this.#toOf];
    const slots = fromOf.length * 2;
    this.#slotMask = slots - 1;
    this.#fromOf = new Int32Array(slots).fill(NONE);
    this.#unitOf = new Uint16Array(slots);
    this.#toOf = new Int32Array(slots);
    for (const [slot, from] of fromOf.entries()) {
      if (from !== NONE) this.#put(from, unitOf[slot] ?? 0, toOf[slot] ?? 0);
    }
  }

  #put(from: number, unit: number, to: number): void {
    const slot = this.#slotOf(from, unit);
    this.#fromOf[slot] = from;
    this.#unitOf[slot] = unit;
    this.#toOf[slot] = to;
  }

  /** Returns the slot of a transition, or the free one where it would go (linear probing). */
  #slotOf(state: number, unit: number): number {
    let hash = Math.imul(state ^ this.#seed, 0x9e3779b1) ^ Math.imul(unit + 1, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & this.#slotMask;
    for (;;) {
      const from = this.#fromOf[slot];
      if (from === NONE || (from === state && this.#unitOf[slot] === unit)) return slot;
      slot = (slot + 1) & this.#slotMask;
    }
  }
}

const EMPTY = new Int32Array(0);
