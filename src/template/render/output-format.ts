/** Escapes inserted text for the format that it is inserted into. */
import { escapeMarkup } from "../forms/markup.js";

/**
 * The format of the text that payloads are inserted into.
 *
 * - `text`: no escaping.
 * - `html`: between tags and in quoted attributes; not in scripts, styles, addresses or event handlers.
 * - `markdown`: as a separate word in running text, so that no inserted text is markup.
 * - `json`: in the place of a JSON value; text becomes a JSON string with its quotes.
 * - `json-string`: within the quotes of a JSON string.
 * - `json-text`: a whole JSON text. Only placeholders within string values count, not those in member names
 *   or outside quotes.
 * - `url`: a part of a URL, such as one path segment or one query value.
 * - `shell`: one word of a command for a POSIX shell, outside quotes.
 * - `sql`: one literal of a SQL statement, outside quotes. Text with a backslash is refused, because
 *   databases interpret it differently.
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

/** Returns the text in escaped form. */
export type Escape = (text: string) => string;

/** The escape function of each format. */
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

/** Percent-encodes text. Throws for half a surrogate pair, which a URL cannot contain. */
function escapeUrl(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}

/**
 * Returns the text in single quotes, within which only a single quote is special. Source: IEEE 1003.1, 2.2.2.
 */
function quoteForShell(text: string): string {
  if (text.includes("\0")) throw new TypeError("a shell's words hold no NUL");
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Source: ISO 9075, character string literal. */
function quoteForSql(text: string): string {
  if (/[\0\\]/.test(text)) throw new TypeError("databases disagree about this character");
  return `'${text.replaceAll("'", "''")}'`;
}

/** Returns text as a JSON string that is also safe in an HTML script. */
function escapeJson(text: string): string {
  return scriptSafe(JSON.stringify(text));
}

function escapeInJsonString(text: string): string {
  return escapeJson(text).slice(1, -1);
}

/**
 * Returns equivalent JSON without the characters that could end a script. They occur only in strings, where
 * escapes can replace them.
 */
export function scriptSafe(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Characters that are never markup within a separate word of Markdown. */
const HARMLESS = /[A-Za-z0-9,;%?/]|[^\p{ASCII}\p{Cc}\s]/u;
/** Words that may be markup because of their surroundings: the number of a list item, the mark of a task. */
const MARKER = /^(?:\d+|x)$/i;

/**
 * Escapes all characters that may be markup as numeric character references, which never act as markup. This
 * also holds for line breaks and for spaces at the beginning of a line. Source: CommonMark 0.31, 2.5.
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

/**
 * Returns whether a character is harmless between its neighbours: a single space between words, a point in a
 * number, a hyphen in a word.
 */
function isHarmlessBetween(character: string, before = "", after = ""): boolean {
  if (/\p{Zs}/u.test(character)) return HARMLESS.test(before) && HARMLESS.test(after);
  if (character === ".") return /\d/.test(before) && /\d/.test(after);
  return character === "-" && /\w/.test(before) && /\w/.test(after);
}
