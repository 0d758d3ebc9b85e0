/** The characters that XML 1.0 allows in text, and their escapes: sections 2.2 and 2.11. */
import { Buffer } from "node:buffer";

/**
 * The maximum number of numeric character references in a document. They do not expand, but each costs more
 * than the
 * character it represents. The writer needs one for each carriage return.
 */
export const MAX_NUMERIC_REFERENCES: number = 2 ** 17;

/** The maximum number of CDATA sections in a document, for the same reason; the writer needs none. */
export const MAX_CDATA_SECTIONS: number = 2 ** 12;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const MARKUP = /[&<>\r]/;

/** By character code. */
const ESCAPES: ReadonlyMap<number, Buffer> = new Map([
  [0x26, Buffer.from("&amp;")],
  [0x3c, Buffer.from("&lt;")],
  [0x3e, Buffer.from("&gt;")],
  // A reader turns an unescaped carriage return into a line feed.
  [0x0d, Buffer.from("&#13;")],
]);

const LAST_ESCAPED = 0x3e;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Returns whether XML allows every character of a text. */
export function isXmlText(text: string): boolean {
  return text.isWellFormed() && !NOT_XML.test(text);
}

/**
 * Returns a text escaped as the content of an element. Works byte by byte, because a pattern would take
 * seconds for a
 * text that consists only of markup.
 */
export function escapeText(text: string): string {
  if (!MARKUP.test(text)) return text;
  const bytes = Buffer.from(text);
  const escaped = Buffer.allocUnsafe(escapedLength(bytes));
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const entity = byte > LAST_ESCAPED ? undefined : ESCAPES.get(byte);
    if (entity === undefined) escaped[length++] = byte;
    else length += entity.copy(escaped, length);
  }
  return escaped.toString();
}

function escapedLength(bytes: Buffer): number {
  let length = bytes.length;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte <= LAST_ESCAPED) length += (ESCAPES.get(byte)?.length ?? 1) - 1;
  }
  return length;
}

/** Returns the number of carriage returns in a text: each becomes a numeric reference. */
export function countCarriageReturns(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\r"); at !== -1; at = text.indexOf("\r", at + 1)) count += 1;
  return count;
}

/**
 * Returns a document with all line ends as line feeds, as XML requires of readers. Works byte by byte,
 * because a
 * pattern would take seconds for a text that consists only of line ends.
 */
export function withLineFeeds(document: Uint8Array): Buffer {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
  if (!bytes.includes(CARRIAGE_RETURN)) return bytes;
  const normalized = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === CARRIAGE_RETURN && bytes[at + 1] === LINE_FEED) continue;
    normalized[length++] = byte === CARRIAGE_RETURN ? LINE_FEED : byte;
  }
  return normalized.subarray(0, length);
}
