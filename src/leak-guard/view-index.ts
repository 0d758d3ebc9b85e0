import { isUtf8 } from "node:buffer";
import { asBuffer, isBytes, trueBytes } from "../primitives/bytes.js";
import { bytesIn, textsIn } from "./decodings.js";
import { DigitIndex, significantDigitsOf } from "./digits.js";
import { fold, isAscii, upperCaseAscii } from "./fold.js";
import { FragmentIndex, SHORTEST_LEAF } from "./fragments.js";

/** Texts of constants, folded. They reveal nothing about a payload. */
const CONSTANTS: ReadonlySet<string> = new Set(["TRUE", "FALSE", "NULL", "NONE", "UNDEFINED"]);
/** Whole numbers of a smaller magnitude have fewer digits than the shortest leaf. */
const FOUR_DIGITS = 1000;

/** An index of a safe view: finds leaves that it repeats, whole or in part, as plain or decoded text. */
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

  /** Returns whether the safe view repeats a value; `false` for values that are no leaves. */
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

  /** Returns whether the safe view repeats a text that is known to be ASCII, or is folded. */
  hasAsciiText(leaf: string): boolean {
    if (this.#texts.sharesWith(leaf)) return !CONSTANTS.has(leaf.toUpperCase());
    return this.#digits.hasAny && this.#digits.sharesWithText(leaf);
  }

  hasNumber(leaf: number): boolean {
    if (!this.#digits.hasAny) return false;
    if (Number.isInteger(leaf) && Math.abs(leaf) < FOUR_DIGITS) return false;
    return this.#hasDigitsOf(String(leaf));
  }

  /** Returns whether the safe view repeats bytes. ASCII is searched as text, UTF-8 as bytes and as text. */
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
