import { FRAGMENT, FragmentIndex, SHORTEST_LEAF } from "./fragments.js";

/**
 * Matches the separators between groups of digits that a reader sees as one number. Beyond ASCII, these
 * are the dashes of typesetters and models, and the decimal and grouping marks of other languages.
 */
const SEPARATORS =
  "[\\s.,:;/()_+'\u00b7\u066b\u066c\u2010-\u2015\u2018\u2019\u2027\u2212\u30fb-]{0,3}";
const RUN = new RegExp(`\\d(?:${SEPARATORS}\\d)*`, "g");
const LONG_RUN = new RegExp(`\\d(?:${SEPARATORS}\\d){${FRAGMENT - 1},}`, "g");
/**
 * Matches trailing zeros after a decimal mark: 48,210.500 is the number 48210.5. Up to seven digits suffice,
 * because numbers with more digits are compared by their parts.
 */
const TRAILING_ZEROS = /([.,\u066b]\d{0,7}?)0+(?![\d.,\u066b])/g;
const LEADING_ZEROS = /^0+/;
const LETTER = /\p{L}/gu;
const EXPONENT = /e.*$/;
const MOST_GROUPS = FRAGMENT;
/** A longer text is prose, even if it contains many digits. Only its long runs of digits are compared. */
const SHORT_TEXT = 64;
/**
 * Long texts are searched in pieces of this length: the regular expression engine stores a backtracking
 * position for each group of a run, and a run of millions of digits would exhaust its stack.
 */
const PIECE = 2 ** 15;
/** Pieces overlap by the longest text that {@link FRAGMENT} digits with three separators each can take. */
const OVERLAP: number = 4 * FRAGMENT;

/** An index of the numbers in some texts, however their digits are grouped. */
export class DigitIndex {
  readonly #runs: FragmentIndex;
  readonly #short: ReadonlySet<string>;
  /** Whether any number in the texts has as many digits as the shortest leaf. */
  readonly hasAny: boolean;

  constructor(texts: Iterable<string>) {
    const runs = [...texts].flatMap((text) => text.match(RUN) ?? []).filter(isLong);
    const joined = runs.map(digitsOf);
    this.#runs = new FragmentIndex(joined);
    this.#short = new Set(runs.flatMap(shortNumbersIn));
    this.hasAny = runs.length > 0;
  }

  /**
   * Returns whether the texts contain these digits. Fewer than {@link FRAGMENT} digits must match whole
   * groups; of more digits, any {@link FRAGMENT} in a row suffice.
   */
  shares(digits: string): boolean {
    return digits.length < FRAGMENT ? this.#short.has(digits) : this.#runs.sharesWith(digits);
  }

  /** Returns whether the texts contain the digits of a text that is mostly digits, or of a long run in it. */
  sharesWithText(text: string): boolean {
    if (text.length > SHORT_TEXT) return this.#sharesRunOf(text);
    if (!hasEnoughDigits(text)) return false;
    const digits = digitsOf(text);
    // A match of one run is also a match of all digits, so this check alone rules out most texts.
    if (!this.shares(digits)) return false;
    return isMostlyDigits(text, digits.length) || this.#sharesRunOf(text);
  }

  #sharesRunOf(text: string): boolean {
    for (let start = 0; start + OVERLAP < text.length || start === 0; start += PIECE - OVERLAP) {
      const piece = text.length <= PIECE ? text : text.slice(start, start + PIECE);
      if (this.#sharesRunWith(piece)) return true;
    }
    return false;
  }

  #sharesRunWith(piece: string): boolean {
    return piece.match(LONG_RUN)?.some((run) => this.shares(digitsOf(run))) === true;
  }
}

function isLong(run: string): boolean {
  return run.length >= SHORTEST_LEAF && digitsOf(run).length >= SHORTEST_LEAF;
}

/** Returns the digits of a text, without all other characters. */
function digitsOf(text: string): string {
  return text.replace(/\D+/g, "");
}

/** Returns the digits of a number without its exponent and without leading zeros. */
export function significantDigitsOf(number: string): string {
  return digitsOf(number.replace(EXPONENT, "")).replace(LEADING_ZEROS, "");
}

/** Returns whether digits outnumber letters: true for an account number with a prefix, not for a sentence. */
function isMostlyDigits(text: string, digits: number): boolean {
  return digits >= (text.match(LETTER)?.length ?? 0);
}

/** Returns whether a text has enough digits for a leaf. A loop is fastest: most texts have too few. */
function hasEnoughDigits(text: string): boolean {
  if (text.length < SHORTEST_LEAF) return false;
  let count = 0;
  for (let at = 0; at < text.length && count < SHORTEST_LEAF; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) count += 1;
  }
  return count >= SHORTEST_LEAF;
}

function* neighbours(groups: readonly string[]): Generator<string> {
  for (let first = 0; first < groups.length; first++) {
    for (let count = 1; count <= MOST_GROUPS; count++) {
      yield groups.slice(first, first + count).join("");
    }
  }
}

function shortNumbersIn(run: string): string[] {
  const forms = new Set([run, run.replace(TRAILING_ZEROS, "$1")]);
  const numbers = [...forms].flatMap((form) => [...neighbours(form.split(/\D+/))]);
  const written = numbers.flatMap((number) => [number, number.replace(LEADING_ZEROS, "")]);
  return written.filter(({ length }) => length >= SHORTEST_LEAF && length < FRAGMENT);
}
