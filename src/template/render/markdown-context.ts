import type { InsertionContext } from "./insertion-context.js";

/** Addresses whose scheme is fixed, so that an insertion after it cannot turn them into a script. */
const SETTLED = /^(?:<?(?:https?:\/\/|mailto:)|[/#])/i;
/** The number of characters of an address that decide whether its scheme is fixed. */
const MAX_BEGINNING = 9;
const ADDRESS_END = /[\s)>]/;

/**
 * Rejects a placeholder directly after `<`, where it would name a tag, and one in a link's address before its
 * scheme is fixed: character references are decoded there, so escaping gives no protection.
 *
 * Source: CommonMark 0.31, 6.3 (links), 4.7 (link reference definitions), 6.5 (autolinks).
 */
export class MarkdownContext implements InsertionContext {
  /** The beginning of the current address, including its `<` if it has one. */
  #address: string | undefined;
  #isAfterBracket = false;

  read(text: string): void {
    for (const character of text) this.#step(character);
  }

  /** Does not change the state, because the inserted text may be empty. */
  admits(): boolean {
    return this.#address === undefined || SETTLED.test(this.#address);
  }

  #step(character: string): void {
    const opensAddress = this.#isAfterBracket && (character === "(" || character === ":");
    this.#isAfterBracket = character === "]";
    if (opensAddress) this.#address = "";
    else if (character === "<") this.#address = "<";
    else if (this.#address !== undefined) this.#address = continued(this.#address, character);
  }
}

function continued(address: string, character: string): string | undefined {
  if (address === "" && /\s/.test(character)) return address;
  if (ADDRESS_END.test(character)) return undefined;
  return address.length < MAX_BEGINNING ? address + character : address;
}
