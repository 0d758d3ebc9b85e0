/** Entities and numeric character references: XML 1.0, sections 4.1 and 4.6. */
import { Buffer } from "node:buffer";
import { XmlRpcSyntaxError } from "./syntax-error.js";

const AMPERSAND = 0x26;
const HASH = 0x23;
const SEMICOLON = 0x3b;
const SMALL_X = 0x78;
const ZERO = 0x30;
const ASCII_END = 0x80;
/** The longest reference: an ampersand, `#x` or `#`, digits. */
const MAX_REFERENCE_BYTES = 12;

/** The characters of the five predefined entities, by the packed number of their name. */
const ENTITIES: ReadonlyMap<number, number> = new Map(
  Object.entries({ amp: "&", lt: "<", gt: ">", apos: "'", quot: '"' }).map(([name, character]) => [
    packed(Buffer.from(name), 0, name.length),
    character.charCodeAt(0),
  ]),
);

/**
 * Returns a text with its references resolved.
 *
 * Works on bytes, in place: no reference is shorter than its character, and a string for each of
 * them would cost ten times as much.
 *
 * @param countNumeric - Called before each numeric reference is read.
 * @throws {@link XmlRpcSyntaxError} A reference is malformed, undeclared, or not to an XML character.
 */
export function resolveReferences(text: string, countNumeric: () => void): string {
  const bytes = Buffer.from(text);
  let length = 0;
  let at = 0;
  while (at < bytes.length) {
    const byte = byteAt(bytes, at);
    if (byte !== AMPERSAND) {
      bytes[length++] = byte;
      at += 1;
      continue;
    }
    const end = endOfReference(bytes, at);
    const isNumeric = bytes[at + 1] === HASH;
    if (isNumeric) countNumeric();
    const codePoint = isNumeric
      ? numericCodePoint(bytes, at + 2, end)
      : ENTITIES.get(packed(bytes, at + 1, end));
    if (codePoint === undefined) throw new XmlRpcSyntaxError("reference");
    length += put(bytes, length, codePoint);
    at = end + 1;
  }
  return bytes.toString("utf8", 0, length);
}

function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0;
}

function endOfReference(bytes: Buffer, start: number): number {
  const last = Math.min(bytes.length - 1, start + MAX_REFERENCE_BYTES);
  for (let at = start + 1; at <= last; at++) if (bytes[at] === SEMICOLON) return at;
  throw new XmlRpcSyntaxError("reference");
}

/**
 * Returns a name packed into one number. It is unique for short names, and no longer name has the same one.
 */
function packed(bytes: Buffer, start: number, end: number): number {
  let number = 1;
  for (let at = start; at < end; at++) number = number * 256 + byteAt(bytes, at);
  return number;
}

/** Returns the code point for the digits after `#`, unless XML forbids it. */
function numericCodePoint(bytes: Buffer, start: number, end: number): number | undefined {
  const isHexadecimal = bytes[start] === SMALL_X;
  const base = isHexadecimal ? 16 : 10;
  const first = isHexadecimal ? start + 1 : start;
  if (first === end) return undefined;
  let codePoint = 0;
  for (let at = first; at < end; at++) {
    const digit = digitOf(byteAt(bytes, at));
    if (digit >= base) return undefined;
    codePoint = codePoint * base + digit;
  }
  return isXmlCodePoint(codePoint) ? codePoint : undefined;
}

function digitOf(byte: number): number {
  if (byte >= ZERO && byte < ZERO + 10) return byte - ZERO;
  // Lower-case letters are the upper-case ones with this bit set.
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : Number.POSITIVE_INFINITY;
}

function isXmlCodePoint(codePoint: number): boolean {
  if (codePoint < 0x20) return codePoint === 0x09 || codePoint === 0x0a || codePoint === 0x0d;
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return codePoint <= 0x10ffff && !isSurrogate && codePoint !== 0xfffe && codePoint !== 0xffff;
}

/** Writes a character in UTF-8 and returns its length in bytes. */
function put(bytes: Buffer, at: number, codePoint: number): number {
  if (codePoint >= ASCII_END) return bytes.write(String.fromCodePoint(codePoint), at);
  bytes[at] = codePoint;
  return 1;
}
