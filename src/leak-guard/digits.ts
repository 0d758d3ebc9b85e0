import { FRAGMENT, FragmentIndex, SHORTEST_LEAF } from "./fragments.js";

/**
 * What separates groups of digits that belong together for a reader: of what is not ASCII the dashes that
 * typesetters and models write, and the points and apostrophes of numbers in other languages.
 */
const SEPARATORS =
  "[\\s.,:;/()_+'\u00b7\u066b\u066c\u2010-\u2015\u2018\u2019\u2027\u2212\u30fb-]{0,3}";
const RUN = new RegExp(`\\d(?:${SEPARATORS}\\d)*`, "g");
const LONG_RUN = new RegExp(`\\d(?:${SEPARATORS}\\d){${FRAGMENT - 1},}`, "g");
/** As in 48,210.500, which is the number 48210.5; of more digits any part is looked for. */
const TRAILING_ZEROS = /([.,\u066b]\d{0,7}?)0+(?![\d.,\u066b])/g;
const LEADING_ZEROS = /^0+/;
const LETTER = /\p{L}/gu;
const EXPONENT = /e.*$/;
const MOST_GROUPS = FRAGMENT;
/** Longer texts do not consist of digits, even if they have many. */
const SHORT_TEXT = 64;
/** The engine keeps a place to go back to for each group of a run: a text of millions would exhaust it. */
const PIECE = 2 ** 15;
/** {@link FRAGMENT} digits with three separators between any two take no more characters. */
const OVERLAP: number = 4 * FRAGMENT;

/** Tells whether digits stand in texts, however they are grouped there. */
export class DigitIndex {
  readonly #runs: FragmentIndex;
  readonly #short: ReadonlySet<string>;
  /** Whether there are as many digits together as the shortest leaf has. */
  readonly hasAny: boolean;

  constructor(texts: Iterable<string>) {
    const runs = [...texts].flatMap((text) => text.match(RUN) ?? []).filter(isLong);
    const joined = runs.map(digitsOf);
    this.#runs = new FragmentIndex(joined);
    this.#short = new Set(runs.flatMap(shortNumbersIn));
    this.hasAny = runs.length > 0;
  }

  /** Few digits are a number only where groups begin and end; of many, a part is enough. */
  shares(digits: string): boolean {
    return digits.length < FRAGMENT ? this.#short.has(digits) : this.#runs.sharesWith(digits);
  }

  /** Tells whether a text that consists of digits for the most part, or a long run in it, is here. */
  sharesWithText(text: string): boolean {
    if (text.length > SHORT_TEXT) return this.#sharesRunOf(text);
    if (!hasEnoughDigits(text)) return false;
    const digits = digitsOf(text);
    // Whatever its runs share, all of its digits do.
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

/** Returns the digits of a text, and nothing else of it. */
function digitsOf(text: string): string {
  return text.replace(/\D+/g, "");
}

/** Returns the digits of a number that tell its value: none of its exponent, and no zeros before. */
export function significantDigitsOf(number: string): string {
  return digitsOf(number.replace(EXPONENT, "")).replace(LEADING_ZEROS, "");
}

/** An account number is, with a prefix or two; a sentence with figures in it is not. */
function isMostlyDigits(text: string, digits: number): boolean {
  return digits >= (text.match(LETTER)?.length ?? 0);
}

/** A loop, since most texts have too few for anything else to be worth its while. */
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
