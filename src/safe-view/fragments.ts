import { upperCaseAscii } from "./fold.js";

/** Leaves of fewer characters say too little to be told from chance. */
export const SHORTEST_LEAF = 4;
/** From this length on, a part of a leaf that has this length is a leak already. */
export const FRAGMENT = 8;

/** Letters of ASCII differ from those of the other case in the bit that is missing here. */
const NO_CASE = 0x5f;
const PAIRS = 4096;
const PAIR_MASK: number = PAIRS - 1;
const NO_PAIRS = new Uint8Array(PAIRS);
const NO_CHARACTERS = new Uint8Array(NO_CASE + 1);
/** So many questions are answered by searching; for more of them a set of all answers pays. */
const MAX_SEARCHES = 64;

/**
 * Tells whether texts have something in common with a leaf: all of a short one, {@link FRAGMENT}
 * characters of a longer one.
 *
 * Tables of the characters and the pairs of neighbours in the texts rule out almost every leaf by reading
 * one of each eight characters: any eight in a row have one at a multiple of eight. What is left is looked
 * up exactly, at a cost that does not depend on the texts' length, so that no payload makes the work grow
 * faster than its own size.
 */
export class FragmentIndex {
  readonly #texts: readonly string[];
  readonly #characters: Uint8Array;
  readonly #pairs: Uint8Array;
  readonly #fragments = new Map<number, ReadonlySet<string>>();
  #searches = 0;

  /** @param texts - With the letters of ASCII in upper case. */
  constructor(texts: Iterable<string>) {
    this.#texts = [...new Set(texts)].filter((text) => text.length >= SHORTEST_LEAF);
    const isEmpty = this.#texts.length === 0;
    this.#characters = isEmpty ? NO_CHARACTERS : new Uint8Array(NO_CASE + 1);
    this.#pairs = isEmpty ? NO_PAIRS : new Uint8Array(PAIRS);
    for (const text of this.#texts) this.#addText(text);
  }

  /** @param leaf - Of ASCII in any case, or folded as the texts are. */
  sharesWith(leaf: string): boolean {
    const { length } = leaf;
    if (length < SHORTEST_LEAF) return false;
    const characters = this.#characters;
    const end = length < FRAGMENT ? 1 : length;
    for (let at = 0; at < end; at += FRAGMENT) {
      const isHere = characters[leaf.charCodeAt(at) & NO_CASE] !== 0;
      if (isHere && this.#sharesAround(leaf, at)) return true;
    }
    return false;
  }

  #hasPair(leaf: string, at: number): boolean {
    return this.#pairs[pairOf(leaf.charCodeAt(at), leaf.charCodeAt(at + 1))] !== 0;
  }

  /** Tells whether all of a short leaf, or a fragment with the character at `at` in it, is in the texts. */
  #sharesAround(leaf: string, at: number): boolean {
    const size = Math.min(leaf.length, FRAGMENT);
    let last = at;
    const lastEnd = Math.min(at + size, leaf.length) - 1;
    while (last < lastEnd && this.#hasPair(leaf, last)) last += 1;
    let first = at;
    const firstEnd = Math.max(at - size + 1, 0);
    while (first > firstEnd && this.#hasPair(leaf, first - 1)) first -= 1;
    for (let start = first; start + size - 1 <= last; start++) {
      if (this.#has(upperCaseAscii(leaf.slice(start, start + size)))) return true;
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

  #addText(text: string): void {
    for (let at = 0; at < text.length; at++) {
      this.#characters[text.charCodeAt(at) & NO_CASE] = 1;
      if (at > 0) this.#pairs[pairOf(text.charCodeAt(at - 1), text.charCodeAt(at))] = 1;
    }
  }
}

/** One for both cases of a letter. Of pairs that share a place the exact look-up tells which it is. */
function pairOf(first: number, second: number): number {
  return (((first & NO_CASE) << 5) ^ (second & NO_CASE)) & PAIR_MASK;
}
