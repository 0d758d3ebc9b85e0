/** Reads the text of XML-RPC's scalar types strictly: no space, no other notation, no rounding. */
import { Buffer } from "node:buffer";
import { XmlRpcSyntaxError } from "./syntax-error.js";

const MAX_NUMBER_CHARACTERS = 1100;
const INTEGER = /^[+-]?[0-9]{1,32}$/;
const DOUBLE = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?$/;
const DATE_TIME =
  /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?$/;
const SPACE = /[ \t\r\n]/;
const NOT_BASE64 = /[^A-Za-z0-9+/]/;
const NOT_SPACED_BASE64 = /[^A-Za-z0-9+/= \t\r\n]/;
const SPACE_CODE = 0x20;
const MIN_INT32 = -(2 ** 31);
const MAX_INT32: number = 2 ** 31 - 1;

/** A `dateTime.iso8601` as written, because XML-RPC does not define its time zone. */
export class XmlRpcDateTime {
  /** For example `19980717T14:08:55`. */
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Reads `int`, `i4`. */
export function readInt32(text: string): number {
  const value = readSafeInteger(text);
  if (value < MIN_INT32 || value > MAX_INT32) throw new XmlRpcSyntaxError("number");
  return value;
}

/** Reads `i8`; refuses values that a number cannot represent exactly. */
export function readSafeInteger(text: string): number {
  if (!INTEGER.test(text)) throw new XmlRpcSyntaxError("value");
  // Adding zero turns −0 into 0, because an integer has no negative zero.
  const value = Number(text) + 0;
  if (!Number.isSafeInteger(value)) throw new XmlRpcSyntaxError("number");
  return value;
}

/** Reads `double`. Also accepts an exponent, which the specification lacks but Python writes. */
export function readDouble(text: string): number {
  if (text.length > MAX_NUMBER_CHARACTERS || !DOUBLE.test(text)) {
    throw new XmlRpcSyntaxError("value");
  }
  const value = Number(text);
  if (!Number.isFinite(value)) throw new XmlRpcSyntaxError("number");
  return value;
}

/** Reads `boolean`. */
export function readBoolean(text: string): boolean {
  if (text !== "0" && text !== "1") throw new XmlRpcSyntaxError("value");
  return text === "1";
}

/** Reads `base64`; ignores the space between characters that Python writes. */
export function readBase64(text: string): Uint8Array {
  if (NOT_SPACED_BASE64.test(text)) throw new XmlRpcSyntaxError("value");
  const base64 = SPACE.test(text) ? withoutSpaces(text) : text;
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  const digits = padding === 0 ? base64 : base64.slice(0, -padding);
  if (base64.length % 4 !== 0 || NOT_BASE64.test(digits)) throw new XmlRpcSyntaxError("value");
  const last = base64.slice(-4);
  // Bits that are not part of any byte must be zero, so that each value has one spelling.
  if (Buffer.from(last, "base64").toString("base64") !== last) throw new XmlRpcSyntaxError("value");
  return new Uint8Array(Buffer.from(base64, "base64"));
}

/** Works byte by byte, because a pattern would take a second for lines of one character. */
function withoutSpaces(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > SPACE_CODE) bytes[length++] = byte;
  }
  return bytes.toString("latin1", 0, length);
}

/** Reads `dateTime.iso8601`. */
export function readDateTime(text: string): XmlRpcDateTime {
  const [, ...parts] = DATE_TIME.exec(text) ?? [];
  const [year = 0, month = 0, day = 0, hours = 24, minutes = 0, seconds = 0] = parts.map(Number);
  const date = new Date(Date.UTC(year, month - 1, day));
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isDay || hours > 23 || minutes > 59 || seconds > 60) throw new XmlRpcSyntaxError("value");
  return new XmlRpcDateTime(text);
}

/**
 * Returns a finite number as XML-RPC type and text. Doubles are written in full and without exponent, as the
 * specification requires; reading the text gives the same number.
 */
export function writeNumber(value: number): string {
  if (Object.is(value, -0)) return "<double>-0.0</double>";
  if (!Number.isSafeInteger(value)) return `<double>${withoutExponent(String(value))}</double>`;
  return value < MIN_INT32 || value > MAX_INT32 ? `<i8>${value}</i8>` : `<int>${value}</int>`;
}

function withoutExponent(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent] =
    /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (exponent === undefined) return text;
  const digits = whole + fraction;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, "0")}.0`;
}
