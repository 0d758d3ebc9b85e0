/** How inserted text is made harmless where it is inserted. */
import { escapeMarkup } from "./markup.js";

/**
 * What kind of text payloads are inserted into.
 *
 * - `text`: as they are.
 * - `html`: between tags and in quoted attributes; not in scripts, styles, addresses or event handlers.
 * - `markdown`: as a word of its own in running text, so that nothing inserted is markup.
 * - `json`: where a JSON value stands; text becomes a JSON string with its quotes.
 * - `json-string`: within the quotes of a JSON string.
 * - `json-text`: in all of a JSON text, in whose values alone placeholders count: not in names of
 *   members, nor outside of quotes.
 */
export type OutputFormat = "text" | "html" | "markdown" | "json" | "json-string" | "json-text";

/** Returns an inserted text as it may stand in the output. */
export type Escape = (text: string) => string;

/** The formats, and what each makes of text. */
export const ESCAPES: Readonly<Record<OutputFormat, Escape>> = {
  text: (text) => text,
  html: escapeMarkup,
  markdown: escapeMarkdown,
  json: escapeJson,
  "json-string": escapeInJsonString,
  "json-text": escapeInJsonString,
};

/**
 * Returns text as a JSON string that also may stand in an HTML script.
 */
function escapeJson(text: string): string {
  return scriptSafe(JSON.stringify(text));
}

function escapeInJsonString(text: string): string {
  return escapeJson(text).slice(1, -1);
}

/** Returns the same JSON without the characters that end a script; they stand in strings alone. */
export function scriptSafe(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** What Markdown takes for markup in no place that is a word of its own. */
const HARMLESS = /[A-Za-z0-9,;%?/]|[^\p{ASCII}\p{Cc}\s]/u;
/** What may be markup by what stands around it: the number of a list's item, the mark of a task. */
const MARKER = /^(?:\d+|x)$/i;

/**
 * Source: CommonMark 0.31, 2.5: a numeric character reference never stands for a symbol of structure,
 * which also holds for line breaks and for spaces at the beginning of a line.
 */
function escapeMarkdown(text: string): string {
  if (MARKER.test(text)) return referenceTo(text) + text.slice(1);
  return text.replace(/[^A-Za-z0-9,;%?/\u00a1-\uffff]|\s/g, (character, at: number) =>
    isHarmlessBetween(character, text[at - 1], text[at + 1]) ? character : referenceTo(character),
  );
}

function referenceTo(text: string): string {
  return `&#${text.charCodeAt(0)};`;
}

/** A single space between words, a point in a number, a hyphen in a word. */
function isHarmlessBetween(character: string, before = "", after = ""): boolean {
  if (/\p{Zs}/u.test(character)) return HARMLESS.test(before) && HARMLESS.test(after);
  if (character === ".") return /\d/.test(before) && /\d/.test(after);
  return character === "-" && /\w/.test(before) && /\w/.test(after);
}
