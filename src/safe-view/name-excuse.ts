import { fieldNamesOf } from "./field-names.js";
import { ViewIndex } from "./view-index.js";

const WORD = /[\p{L}\p{M}\p{N}\p{Cf}_$]+/gu;

/** What a safe view may have in common with its payload because it names the payload's fields. */
export class NameExcuse {
  /** The safe view without the names. */
  readonly #others: ViewIndex;

  constructor(view: string, data: unknown) {
    const names = fieldNamesOf(data);
    this.#others = new ViewIndex(view.replace(WORD, (word) => (names.has(word) ? "\0" : word)));
  }

  /** Tells whether a leaf is in the safe view only where a field is named. */
  covers(leaf: unknown): boolean {
    return !this.#others.hasLeaf(leaf);
  }
}
