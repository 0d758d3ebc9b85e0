import { upperCaseAscii } from "./fold.js";

/** Shorter leaves occur in texts by chance, so they are not checked. */
export const SHORTEST_LEAF = 4;
/** Of a leaf of at least this length, any part of this length is a leak. */
export const FRAGMENT = 8;

/** Every run of {@link FRAGMENT} characters contains a character pair that starts at a multiple of this. */
const STRIDE: number = FRAGMENT - 1;
/** Clears the bit in which upper-case and lower-case ASCII letters differ. */
const NO_CASE = 0x5f;
const PAIRS = 4096;
const PAIR_MASK: number = PAIRS - 1;
const NO_PAIRS = new Uint8Array(PAIRS);
/** After this many lookups by substring search, building a set of all fragments is cheaper. */
const MAX_SEARCHES = 64;

/**
 * An index that finds leaves which some texts repeat: all of a short leaf, or any {@link FRAGMENT}
 * characters of a longer one.
 *
 * A table of all character pairs in the texts rules out almost every leaf after reading two of every
 * seven characters. The other leaves are looked up exactly, at a cost that does not depend on the length
 * of the texts. The work is therefore linear in the size of the payload, whatever it contains.
 */
export class FragmentIndex {
  readonly #texts: readonly string[];
  readonly #pairs: Uint8Array;
  readonly #fragments = new Map<number, ReadonlySet<string>>();
  #searches = 0;

  /** @param texts - Texts with ASCII letters in upper case. */
  constructor(texts: Iterable<string>) {
    this.#texts = [...new Set(texts)].filter((text) => text.length >= SHORTEST_LEAF);
    this.#pairs = this.#texts.length === 0 ? NO_PAIRS : new Uint8Array(PAIRS);
    for (const text of this.#texts) this.#addPairs(text);
  }

  /** @param leaf - ASCII in any case, or a text that is folded like the indexed texts. */
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

  /** Returns whether the texts contain a fragment of the leaf that includes the pair at `at`. */
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

/**
 * Returns the table index of a character pair, the same for both cases of a letter. Different pairs may
 * share an index: the exact lookup decides.
 */
function pairOf(first: number, second: number): number {
  return (((first & NO_CASE) << 5) ^ (second & NO_CASE)) & PAIR_MASK;
}
