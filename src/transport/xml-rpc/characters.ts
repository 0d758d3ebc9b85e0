/** What XML 1.0 can carry as text, and how it is spelled: sections 2.2 and 2.11. */
import { Buffer } from "node:buffer";

/**
 * How many numeric character references a document may have. They do not amplify, but each costs more
 * than what it stands for; the writer needs one for each carriage return.
 */
export const MAX_NUMERIC_REFERENCES: number = 2 ** 17;

/** How many CDATA sections a document may have, for the same reason; the writer needs none. */
export const MAX_CDATA_SECTIONS: number = 2 ** 12;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const MARKUP = /[&<>\r]/;

/** By character code. */
const ESCAPES: ReadonlyMap<number, Buffer> = new Map([
  [0x26, Buffer.from("&amp;")],
  [0x3c, Buffer.from("&lt;")],
  [0x3e, Buffer.from("&gt;")],
  // A reader turns a carriage return that is written as it is into a line feed.
  [0x0d, Buffer.from("&#13;")],
]);

const LAST_ESCAPED = 0x3e;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Tells whether every character of a text is one that XML has. */
export function isXmlText(text: string): boolean {
  return text.isWellFormed() && !NOT_XML.test(text);
}

/**
 * Returns a text as the content of an element. Byte by byte, because a text that is nothing but markup would
 * take seconds with a pattern.
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

/** Returns how many carriage returns a text has: each becomes a numeric reference. */
export function countCarriageReturns(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\r"); at !== -1; at = text.indexOf("\r", at + 1)) count += 1;
  return count;
}

/**
 * Returns a document with the line ends that every XML reader must give: line feeds. Byte by byte,
 * because a text that is nothing but line ends would take seconds with a pattern.
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
