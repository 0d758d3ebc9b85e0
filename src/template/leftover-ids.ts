import { folded, mentionsIn } from "./mentioned-ids.js";

/** The longest spelling of an id that is found: each of its characters as a reference of HTML. */
const MAX_SPELLING = 512;
/** So much is searched at a time. */
const WINDOW = 16 * MAX_SPELLING;

/** Finds the ids that a text holds outside of its placeholders; the text comes in pieces of any size. */
export class LeftoverIds {
  #text = "";

  /** Reads one more piece and returns the ids that are certain by now. */
  push(piece: string): Iterable<string> {
    this.#text += piece;
    return this.#text.length < WINDOW ? [] : this.#search(MAX_SPELLING);
  }

  /** Ends the text, or a part of it that a placeholder follows, and returns the rest of the ids. */
  end(): Iterable<string> {
    return this.#search(0);
  }

  /** Searches all but the ids that begin in the last `left` characters. */
  #search(left: number): Iterable<string> {
    const text = folded(this.#text);
    const line = Math.max(0, text.length - left);
    this.#text = text.slice(line);
    const longest = new Map<number, string>();
    for (const { id, start } of mentionsIn(text)) {
      const known = longest.get(start) ?? "";
      if (start < line && id.length > known.length) longest.set(start, id);
    }
    return longest.values();
  }
}
