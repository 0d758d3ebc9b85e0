import { isBytes } from "../primitives/bytes.js";
import { encodedTextsIn } from "./decodings.js";
import { fieldNamesOf, MAX_NAME_CHARACTERS } from "./field-names.js";
import { fold } from "./fold.js";
import { FRAGMENT, FragmentIndex, SHORTEST_LEAF } from "./fragments.js";
import { ViewIndex } from "./view-index.js";

const WORD = /[\p{L}\p{M}\p{N}\p{Cf}_$]+/gu;
/** Matches a word with the separators around it, at most as many as fit into a fragment beside it. */
const WORD_IN_PLACE =
  /([ \n,.:;()[\]{}"'/-]{0,7})([\p{L}\p{M}\p{N}\p{Cf}_$]+)(?=([ \n,.:;()[\]{}"'/-]{0,7}))/gu;
const DIGIT = /\d/;
/** The number of characters of a fragment besides its first or last one. */
const REACH: number = FRAGMENT - 1;
/** Replaces exempt text. A leaf that contains this character may be refused, but is never exempt for it. */
const GAP = "\0";

/** Exempts leaves that a safe view repeats only because it names the fields of the payload. */
export class FieldNameExemption {
  readonly #view: string;
  readonly #isName: (word: string) => boolean;
  /** The field names that occur in the safe view, folded. */
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
   * Returns whether field names explain everything that the safe view has in common with a leaf. There are
   * two cases:
   *
   * - The leaf is part of a field name, and occurs nowhere else in the safe view.
   * - The leaf is a text that shares only parts of field names and the separators around them, and field
   *   names make up less than half of its words.
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

  /** The safe view without field names. */
  get #withoutNames(): ViewIndex {
    this.#others ??= new ViewIndex(
      this.#view.replace(WORD, (word) => (this.#isName(word) ? GAP : word)),
    );
    return this.#others;
  }

  /** The safe view without the inner part of field names, but with all texts that are decoded from it. */
  get #aroundNames(): ViewIndex {
    this.#around ??= new ViewIndex([this.#withGaps(), ...encodedTextsIn(this.#view)].join(GAP));
    return this.#around;
  }

  #withGaps(): string {
    return this.#view.replace(WORD_IN_PLACE, (whole, before, word, after) =>
      this.#isName(word) ? before + split(word, before.length, after.length) : whole,
    );
  }

  /** Returns whether field names make up less than half of a text, counted by the length of its words. */
  #hasMostlyOtherWords(text: string): boolean {
    let balance = 0;
    for (const [word] of fold(text).matchAll(WORD)) {
      if (word.length < SHORTEST_LEAF) continue;
      balance += this.#isCovered(word) ? -word.length : word.length;
    }
    return balance > 0;
  }

  /** Returns whether field names contain a word, or so much of it that the rest is too short for a leaf. */
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

  /** Returns the length of the name fragment, or of the whole short name, that begins at a position. */
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
 * Returns a name with a gap in the middle. The gap separates only fragments that lie within the name and
 * the separators around it; fragments that reach further remain visible. A short name, or one with digits,
 * stays whole.
 */
function split(name: string, before: number, after: number): string {
  const isShort = name.length + Math.min(before, after) < REACH;
  if (isShort || DIGIT.test(name)) return name;
  return name.slice(0, REACH - before) + GAP + name.slice(Math.max(0, name.length - REACH + after));
}
