import { isUtf8 } from "node:buffer";
import { asBuffer, isBytes, trueBytes } from "../primitives/bytes.js";
import { bytesIn, textsIn } from "./decodings.js";
import { DigitIndex, significantDigitsOf } from "./digits.js";
import { fold, isAscii, upperCaseAscii } from "./fold.js";
import { FragmentIndex, SHORTEST_LEAF } from "./fragments.js";

/** Texts that stand for no value in particular, folded. */
const CONSTANTS: ReadonlySet<string> = new Set(["TRUE", "FALSE", "NULL", "NONE", "UNDEFINED"]);
/** Numbers from here to its negative have fewer digits than the shortest leaf, if they are whole. */
const FOUR_DIGITS = 1000;

/** Tells which leaves a safe view repeats, as a whole or a large part, in any of its readings. */
export class ViewIndex {
  readonly #view: string;
  readonly #texts: FragmentIndex;
  readonly #digits: DigitIndex;
  #bytes: FragmentIndex | undefined;

  constructor(view: string) {
    const texts = textsIn(view).map(fold);
    this.#view = view;
    this.#texts = new FragmentIndex(texts);
    this.#digits = new DigitIndex(texts);
  }

  /** Tells whether a leaf of any kind is here; what is no leaf is not. */
  hasLeaf(leaf: unknown): boolean {
    switch (typeof leaf) {
      case "string":
        return this.hasText(leaf);
      case "number":
        return this.hasNumber(leaf);
      case "bigint":
        return this.#digits.hasAny && this.#hasDigitsOf(String(leaf));
      default:
        return isBytes(leaf) && this.#hasBytes(leaf);
    }
  }

  hasText(leaf: string): boolean {
    return this.hasAsciiText(isAscii(leaf) ? leaf : fold(leaf));
  }

  /** For text that is known to hold nothing but ASCII, or is folded. */
  hasAsciiText(leaf: string): boolean {
    if (this.#texts.sharesWith(leaf)) return !CONSTANTS.has(leaf.toUpperCase());
    return this.#digits.hasAny && this.#digits.sharesWithText(leaf);
  }

  hasNumber(leaf: number): boolean {
    if (!this.#digits.hasAny) return false;
    if (Number.isInteger(leaf) && Math.abs(leaf) < FOUR_DIGITS) return false;
    return this.#hasDigitsOf(String(leaf));
  }

  /** Bytes that are text are looked for as that, too: whatever is here of ASCII is here as text. */
  #hasBytes(leaf: Uint8Array): boolean {
    const bytes = asBuffer(trueBytes(leaf));
    const text = bytes.toString("latin1");
    if (isAscii(text)) return this.hasAsciiText(text);
    this.#bytes ??= new FragmentIndex(bytesIn(this.#view).map(upperCaseAscii));
    return this.#bytes.sharesWith(text) || (isUtf8(bytes) && this.hasText(bytes.toString("utf8")));
  }

  #hasDigitsOf(text: string): boolean {
    if (text.length < SHORTEST_LEAF) return false;
    const digits = significantDigitsOf(text);
    if (digits.length < SHORTEST_LEAF) return false;
    return this.#digits.shares(digits) || this.#texts.sharesWith(text.replace(/^-/, ""));
  }
}
