import type { InsertionContext } from "./insertion-context.js";

/** Addresses whose scheme is settled; what is inserted behind it makes no script of them. */
const SETTLED = /^(?:<?(?:https?:\/\/|mailto:)|[/#])/i;
/** As much of an address as tells whether it is settled. */
const MAX_BEGINNING = 9;
const ADDRESS_END = /[\s)>]/;

/**
 * Admits no placeholder right behind `<`, where it would name a tag, nor one in the address of a link
 * before the address is settled: there a reference stands for its character as much as in text.
 *
 * Source: CommonMark 0.31, 6.3 (links), 4.7 (link reference definitions), 6.5 (autolinks).
 */
export class MarkdownContext implements InsertionContext {
  /** The beginning of the address at hand, from its `<` on if it has one. */
  #address: string | undefined;
  #isAfterBracket = false;

  read(text: string): void {
    for (const character of text) this.#step(character);
  }

  /** What is inserted may be empty: behind it, the text goes on as it did before. */
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
