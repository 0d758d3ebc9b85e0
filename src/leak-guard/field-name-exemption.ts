import { isBytes } from "../primitives/bytes.js";
import { encodedTextsIn } from "./decodings.js";
import { fieldNamesOf, MAX_NAME_CHARACTERS } from "./field-names.js";
import { fold } from "./fold.js";
import { FRAGMENT, FragmentIndex, SHORTEST_LEAF } from "./fragments.js";
import { ViewIndex } from "./view-index.js";

const WORD = /[\p{L}\p{M}\p{N}\p{Cf}_$]+/gu;
/** With the separators around it, as many of them as a fragment may have. */
const WORD_IN_PLACE =
  /([ \n,.:;()[\]{}"'/-]{0,7})([\p{L}\p{M}\p{N}\p{Cf}_$]+)(?=([ \n,.:;()[\]{}"'/-]{0,7}))/gu;
const DIGIT = /\d/;
/** How far a fragment goes from a character that it begins or ends with. */
const REACH: number = FRAGMENT - 1;
/** What is cut away. A leaf that has this in it may be refused, but is never excused for it. */
const GAP = "\0";

/** What a safe view may have in common with its payload because it names the payload's fields. */
export class FieldNameExemption {
  readonly #view: string;
  readonly #isName: (word: string) => boolean;
  /** The names that the safe view has, folded. */
  readonly #names: readonly string[];
  readonly #shortNames: ReadonlySet<string>;
  readonly #fragments: FragmentIndex;
  #others: ViewIndex | undefined;
  #around: ViewIndex | undefined;

  constructor(view: string, data: unknown) {
    const names = fieldNamesOf(data);
    this.#view = view;
    this.#isName = (word) => names.has(word);
    this.#names = [...new Set(wordsOf(view).filter(this.#isName).map(fold))];
    this.#shortNames = new Set(this.#names.filter(({ length }) => length < FRAGMENT));
    this.#fragments = new FragmentIndex(this.#names);
  }

  /**
   * Tells whether all that a safe view has of a leaf stands within names: it is a part of one and nowhere
   * else, or it is a text of which names hold a part each by chance, and little altogether.
   */
  covers(leaf: unknown): boolean {
    if (this.#names.length === 0 || isBytes(leaf)) return false;
    if (this.#isWithinName(String(leaf))) return !this.#withoutNames.hasLeaf(leaf);
    return (
      typeof leaf === "string" &&
      !this.#aroundNames.hasText(leaf) &&
      this.#hasMostlyOtherWords(leaf)
    );
  }

  #isWithinName(text: string): boolean {
    if (text.length > MAX_NAME_CHARACTERS) return false;
    const folded = fold(text);
    return this.#names.some((name) => name.includes(folded));
  }

  /** The safe view without names. */
  get #withoutNames(): ViewIndex {
    this.#others ??= new ViewIndex(
      this.#view.replace(WORD, (word) => (this.#isName(word) ? GAP : word)),
    );
    return this.#others;
  }

  /** The safe view without what lies within names, but with all that is encoded in it. */
  get #aroundNames(): ViewIndex {
    this.#around ??= new ViewIndex([this.#withGaps(), ...encodedTextsIn(this.#view)].join(GAP));
    return this.#around;
  }

  #withGaps(): string {
    return this.#view.replace(WORD_IN_PLACE, (whole, before, word, after) =>
      this.#isName(word) ? before + split(word, before.length, after.length) : whole,
    );
  }

  /** Tells whether names hold less than half of a text, by its words. */
  #hasMostlyOtherWords(text: string): boolean {
    let balance = 0;
    for (const [word] of fold(text).matchAll(WORD)) {
      if (word.length < SHORTEST_LEAF) continue;
      balance += this.#isCovered(word) ? -word.length : word.length;
    }
    return balance > 0;
  }

  /** Tells whether names hold a word, or so much of it that what is left would be no leaf. */
  #isCovered(word: string): boolean {
    if (word.length < FRAGMENT && this.#fragments.sharesWith(word)) return true;
    let coveredUntil = 0;
    let uncovered = 0;
    for (let at = 0; at < word.length && uncovered < SHORTEST_LEAF; at++) {
      coveredUntil = Math.max(coveredUntil, at + this.#coveredLengthAt(word, at));
      if (at >= coveredUntil) uncovered += 1;
    }
    return uncovered < SHORTEST_LEAF;
  }

  /** Returns how long a fragment of a name, or else a whole short name, begins at a place. */
  #coveredLengthAt(word: string, at: number): number {
    for (let length = FRAGMENT; length >= SHORTEST_LEAF; length--) {
      const part = word.slice(at, at + length);
      if (part.length < length) continue;
      const isCovered =
        length < FRAGMENT ? this.#shortNames.has(part) : this.#fragments.sharesWith(part);
      if (isCovered) return length;
    }
    return 0;
  }
}

function wordsOf(text: string): string[] {
  return text.match(WORD) ?? [];
}

/**
 * Returns a name with a gap in it that parts no fragment which goes beyond the name, and beyond the
 * separators around it: those tell nothing.
 */
function split(name: string, before: number, after: number): string {
  const isShort = name.length + Math.min(before, after) < REACH;
  if (isShort || DIGIT.test(name)) return name;
  return name.slice(0, REACH - before) + GAP + name.slice(Math.max(0, name.length - REACH + after));
}
