import { fieldNamesOf, MAX_NAME_CHARACTERS } from "./field-names.js";
import { fold } from "./fold.js";
import { ViewIndex } from "./view-index.js";

const WORD = /[\p{L}\p{M}\p{N}\p{Cf}_$]+/gu;

/** What a safe view may have in common with its payload because it names the payload's fields. */
export class NameExcuse {
  /** The names that the safe view has, folded. */
  readonly #names: readonly string[];
  /** The safe view without them. */
  readonly #others: ViewIndex;

  constructor(view: string, data: unknown) {
    const names = fieldNamesOf(data);
    const shown = new Set<string>();
    const others = view.replace(WORD, (word) => {
      if (!names.has(word)) return word;
      shown.add(fold(word));
      return "\0";
    });
    this.#names = [...shown];
    this.#others = new ViewIndex(others);
  }

  /** Tells whether a leaf is a name that the safe view has, or a part of one, and is nowhere else in it. */
  covers(leaf: unknown): boolean {
    if (leaf instanceof Uint8Array) return false;
    const text = String(leaf);
    if (text.length > MAX_NAME_CHARACTERS) return false;
    const folded = fold(text);
    return this.#names.some((name) => name.includes(folded)) && !this.#others.hasLeaf(leaf);
  }
}
