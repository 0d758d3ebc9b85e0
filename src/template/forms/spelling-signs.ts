/** Characters that models and editors add around and within placeholders. */

/** Typographic double quotes of all languages. */
export const DOUBLE_QUOTES = "\u201c\u201d\u201e\u00ab\u00bb";
/** Typographic single quotes. */
export const SINGLE_QUOTES = "\u2018\u2019\u201a";

/** Invisible characters. */
const INVISIBLE = /[\u200b-\u200d\u2060\ufeff\u00ad]/g;

/** Returns a text without invisible characters. */
export function withoutInvisible(text: string): string {
  return text.replaceAll(INVISIBLE, "");
}

/**
 * Returns a reference without the backslash escapes of Markdown.
 *
 * Source: CommonMark 0.31, 2.4 (backslash escapes).
 */
export function withoutMarkdownEscapes(reference: string): string {
  return reference.replaceAll(/\\([!-/:-@[-`{-~])/g, "$1");
}
