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
const EXPONENT = /e.*$/;
const MOST_GROUPS = FRAGMENT;
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
    for (let start = 0; start + OVERLAP < text.length || start === 0; start += PIECE - OVERLAP) {
      const piece = text.length <= PIECE ? text : text.slice(start, start + PIECE);
      if (this.#sharesRunWith(piece)) return true;
    }
    return isMostlyDigits(text) && this.shares(digitsOf(text));
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
function isMostlyDigits(text: string): boolean {
  if (text.length > 64) return false;
  const digits = digitsOf(text).length;
  return digits >= SHORTEST_LEAF && digits >= (text.match(/\p{L}/gu)?.length ?? 0);
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
