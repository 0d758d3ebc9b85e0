import { upperCaseAscii } from "./fold.js";

/** Leaves of fewer characters say too little to be told from chance. */
export const SHORTEST_LEAF = 4;
/** From this length on, a part of a leaf that has this length is a leak already. */
export const FRAGMENT = 8;

/** Every run of {@link FRAGMENT} characters has a pair of neighbours that starts at a multiple of it. */
const STRIDE: number = FRAGMENT - 1;
/** Letters of ASCII differ from those of the other case in the bit that is missing here. */
const NO_CASE = 0x5f;
const PAIRS = 4096;
const PAIR_MASK: number = PAIRS - 1;
const NO_PAIRS = new Uint8Array(PAIRS);
/** So many questions are answered by searching; for more of them a set of all answers pays. */
const MAX_SEARCHES = 64;

/**
 * Tells whether texts have something in common with a leaf: all of a short one, {@link FRAGMENT}
 * characters of a longer one.
 *
 * A table of the pairs of neighbours in the texts rules out almost every leaf by reading two of each
 * seven characters. What it leaves is looked up exactly, at a cost that does not depend on the texts'
 * length, so that no payload makes the work grow faster than its own size.
 */
export class FragmentIndex {
  readonly #texts: readonly string[];
  readonly #pairs: Uint8Array;
  readonly #fragments = new Map<number, ReadonlySet<string>>();
  #searches = 0;

  /** @param texts - With the letters of ASCII in upper case. */
  constructor(texts: Iterable<string>) {
    this.#texts = [...new Set(texts)].filter((text) => text.length >= SHORTEST_LEAF);
    this.#pairs = this.#texts.length === 0 ? NO_PAIRS : new Uint8Array(PAIRS);
    for (const text of this.#texts) this.#addPairs(text);
  }

  /** @param leaf - Of ASCII in any case, or folded as the texts are. */
  sharesWith(leaf: string): boolean {
    const { length } = leaf;
    if (length < FRAGMENT) {
      return length >= SHORTEST_LEAF && this.#hasPair(leaf, 0) && this.#has(upperCaseAscii(leaf));
    }
    const pairs = this.#pairs;
    for (let at = 0; at < length - 1; at += STRIDE) {
      const pair = pairOf(leaf.charCodeAt(at), leaf.charCodeAt(at + 1));
      if (pairs[pair] !== 0 && this.#sharesAround(leaf, at)) return true;
    }
    return false;
  }

  #hasPair(leaf: string, at: number): boolean {
    return this.#pairs[pairOf(leaf.charCodeAt(at), leaf.charCodeAt(at + 1))] !== 0;
  }

  /** Tells whether a fragment with the pair at `at` in it is in the texts. */
  #sharesAround(leaf: string, at: number): boolean {
    let first = at;
    while (first > 0 && at - first < STRIDE - 1 && this.#hasPair(leaf, first - 1)) first -= 1;
    let last = at;
    while (last + 2 < leaf.length && last - at < STRIDE - 1 && this.#hasPair(leaf, last + 1)) {
      last += 1;
    }
    for (let start = first; start + STRIDE - 1 <= last; start++) {
      if (this.#has(upperCaseAscii(leaf.slice(start, start + FRAGMENT)))) return true;
    }
    return false;
  }

  #has(fragment: string): boolean {
    if (this.#searches >= MAX_SEARCHES) return this.#fragmentsOf(fragment.length).has(fragment);
    this.#searches += 1;
    return this.#texts.some((text) => text.includes(fragment));
  }

  #fragmentsOf(length: number): ReadonlySet<string> {
    const known = this.#fragments.get(length);
    if (known !== undefined) return known;
    const fragments = new Set<string>();
    for (const text of this.#texts) {
      for (let at = 0; at + length <= text.length; at++) fragments.add(text.slice(at, at + length));
    }
    this.#fragments.set(length, fragments);
    return fragments;
  }

  #addPairs(text: string): void {
    for (let at = 0; at + 1 < text.length; at++) {
      this.#pairs[pairOf(text.charCodeAt(at), text.charCodeAt(at + 1))] = 1;
    }
  }
}

/** One for both cases of a letter. Of pairs that share a place the exact look-up tells which it is. */
function pairOf(first: number, second: number): number {
  return (((first & NO_CASE) << 5) ^ (second & NO_CASE)) & PAIR_MASK;
}
