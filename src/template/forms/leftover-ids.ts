import { folded, mentionsIn } from "./mentioned-ids.js";

/** The maximum length of an encoded id that is found: every character as an HTML character reference. */
const MAX_SPELLING = 512;
/** The number of characters to search at a time. */
const WINDOW = 16 * MAX_SPELLING;

/** Finds the ids outside the placeholders of a text that arrives in chunks of any size. */
export class LeftoverIds {
  #text = "";

  /** Reads one more chunk and returns the ids that are certain so far. */
  push(piece: string): Iterable<string> {
    this.#text += piece;
    return this.#text.length < WINDOW ? [] : this.#search(MAX_SPELLING);
  }

  /** Ends the text, or the part of it before a placeholder, and returns the remaining ids. */
  end(): Iterable<string> {
    return this.#search(0);
  }

  /** Searches the text, except for ids that begin in the last `left` characters. */
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
