/** Where a quoted word of a shell, or a literal of SQL, may be inserted: outside of all quotes. */
import { isWord, START } from "./candidate.js";
import type { InsertionContext } from "./insertion-context.js";
import type { Placeholder } from "./scanner.js";

/** How a language quotes. */
interface Quoting {
  /** What quotes begin and end with. */
  readonly quotes: string;
  /** Whether a backslash takes the meaning from the next character, outside of single quotes. */
  readonly hasBackslash: boolean;
  /** Texts behind which no place can be told to be outside of quotes. */
  readonly unreadable: RegExp;
}

/** POSIX shells (IEEE 1003.1, 2.2): not in backticks and here-documents, nor behind a comment. */
const SHELL: Quoting = { quotes: `'"`, hasBackslash: true, unreadable: /`|<<|#/ };
/** SQL (ISO 9075): not behind a comment, nor a dollar quote of PostgreSQL. */
const SQL: Quoting = { quotes: `'"\``, hasBackslash: false, unreadable: /--|\/\*|#|\$|\\/ };

/** Admits placeholders outside of quotes; one in the middle of a word would not be one literal. */
export class QuotingContext implements InsertionContext {
  readonly #quoting: Quoting;
  #read = "";
  #quote = "";
  #isEscaped = false;
  #isUnreadable = false;
  #before = START;

  private constructor(quoting: Quoting) {
    this.#quoting = quoting;
  }

  static forShell(): QuotingContext {
    return new QuotingContext(SHELL);
  }

  static forSql(): QuotingContext {
    return new QuotingContext(SQL);
  }

  read(text: string): void {
    const { unreadable } = this.#quoting;
    this.#isUnreadable ||= unreadable.test(this.#read + text);
    // The longest sign has two characters: it may come in two pieces.
    this.#read = (this.#read + text).slice(-1);
    for (const character of text) this.#step(character);
    if (text !== "") this.#before = text.charCodeAt(text.length - 1);
  }

  admits({ text }: Placeholder): boolean {
    const isFree = this.#quote === "" && !this.#isEscaped && !this.#isUnreadable;
    const admitted = isFree && !isWord(this.#before);
    // What is inserted ends outside of quotes, too; what stays is text like any other.
    if (admitted) this.#before = "'".charCodeAt(0);
    else this.read(text);
    return admitted;
  }

  #step(character: string): void {
    const { quotes, hasBackslash } = this.#quoting;
    if (this.#isEscaped) this.#isEscaped = false;
    else if (hasBackslash && character === "\\" && this.#quote !== "'") this.#isEscaped = true;
    else if (character === this.#quote) this.#quote = "";
    else if (this.#quote === "" && quotes.includes(character)) this.#quote = character;
  }
}
