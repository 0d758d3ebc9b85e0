/** Admits shell words and SQL literals only outside quotes. */
import { isWord, START } from "../forms/candidate.js";
import type { Placeholder } from "../forms/scanner.js";
import type { InsertionContext } from "./insertion-context.js";

/** The quoting rules of a language. */
interface Quoting {
  /** The quote characters. */
  readonly quotes: string;
  /** Whether a backslash escapes the next character, except in single quotes. */
  readonly hasBackslash: boolean;
  /** Syntax after which this class cannot determine whether a position is outside quotes. */
  readonly unreadable: RegExp;
}

/**
 * POSIX shells (IEEE 1003.1, 2.2): nothing is admitted in backticks and here-documents, or after a comment.
 */
const SHELL: Quoting = { quotes: `'"`, hasBackslash: true, unreadable: /`|<<|#/ };
/** SQL (ISO 9075): nothing is admitted after a comment or a dollar quote of PostgreSQL. */
const SQL: Quoting = { quotes: `'"\``, hasBackslash: false, unreadable: /--|\/\*|#|\$|\\/ };

/**
 * Admits placeholders outside quotes, but not in the middle of a word, where the result would not be one
 * literal.
 */
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
    // The longest unreadable sign has two characters, which may be in two chunks.
    this.#read = (this.#read + text).slice(-1);
    for (const character of text) this.#step(character);
    if (text !== "") this.#before = text.charCodeAt(text.length - 1);
  }

  admits({ text }: Placeholder): boolean {
    const isFree = this.#quote === "" && !this.#isEscaped && !this.#isUnreadable;
    const admitted = isFree && !isWord(this.#before);
    // An inserted literal ends with a quote; a rejected placeholder is read as ordinary text.
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
