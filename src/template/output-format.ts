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
 * - `url`: as a part of a URL, such as one segment of its path or one value of its query.
 * - `shell`: as one word of a command for a POSIX shell, outside of quotes.
 * - `sql`: as one literal of a SQL statement, outside of quotes. Text with a backslash is refused:
 *   databases disagree about what it means.
 */
export type OutputFormat =
  | "text"
  | "html"
  | "markdown"
  | "json"
  | "json-string"
  | "json-text"
  | "url"
  | "shell"
  | "sql";

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
  url: escapeUrl,
  shell: quoteForShell,
  sql: quoteForSql,
};

/** Throws for half a surrogate pair, which no URL can hold. */
function escapeUrl(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}

/** Source: IEEE 1003.1, 2.2.2: nothing but a single quote means anything within single quotes. */
function quoteForShell(text: string): string {
  if (text.includes("\0")) throw new TypeError("a shell's words hold no NUL");
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Source: ISO 9075, character string literal. */
function quoteForSql(text: string): string {
  if (/[\0\\]/.test(text)) throw new TypeError("databases disagree about this character");
  return `'${text.replaceAll("'", "''")}'`;
}

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
