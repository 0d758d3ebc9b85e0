/** Signs that models and editors put around and within what a placeholder is written with. */

/** Double quotes of typography, of whatever language. */
export const DOUBLE_QUOTES = "\u201c\u201d\u201e\u00ab\u00bb";
/** Single quotes of typography. */
export const SINGLE_QUOTES = "\u2018\u2019\u201a";

/** Signs that a reader does not see. */
const INVISIBLE = /[\u200b-\u200d\u2060\ufeff\u00ad]/g;

/** Returns a text without signs that a reader does not see. */
export function withoutInvisible(text: string): string {
  return text.replaceAll(INVISIBLE, "");
}

/**
 * Returns a reference without the backslashes that Markdown has in front of signs.
 *
 * Source: CommonMark 0.31, 2.4 (backslash escapes).
 */
export function withoutMarkdownEscapes(reference: string): string {
  return reference.replaceAll(/\\([!-/:-@[-`{-~])/g, "$1");
}
