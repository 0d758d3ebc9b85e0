/** Payloads as text. */
import { isMap, isSet } from "../primitives/kinds.js";
import { ESCAPES, type Escape, type OutputFormat, scriptSafe } from "./output-format.js";

/** Turns a payload, or a place in one, into text. */
export type Stringify = (value: unknown) => string;

/** How payloads become text. */
export interface RenderingOptions {
  /** What kind of text they are inserted into. Default `"text"`. */
  readonly format?: OutputFormat | undefined;
  /**
   * Turns what is to be inserted into text, which is then escaped for the format. Default: text as it
   * is and other JSON data as JSON; bytes, and whatever JSON would change, are not renderable.
   */
  readonly stringify?: Stringify | undefined;
}

/** Returns what renders values; it throws for what it cannot render. */
export function renderer({ format = "text", stringify }: RenderingOptions): Stringify {
  const escapeText = ESCAPES[format];
  if (stringify !== undefined) return (value) => escapeText(checkText(stringify(value)));
  if (format === "json") return toJsonValue(escapeText);
  if (format === "sql") return (value) => toSqlLiteral(value, escapeText);
  return (value) => escapeText(toText(value));
}

/** Numbers, booleans and null are literals of SQL as they are of JSON; objects become text. */
function toSqlLiteral(value: unknown, quote: Escape): string {
  const isLiteral = value === null || typeof value === "number" || typeof value === "boolean";
  const text = toText(value);
  if (!isLiteral) return quote(text);
  // Behind a minus, another one would begin a comment.
  return text.startsWith("-") ? `(${text})` : text.toUpperCase();
}

function toJsonValue(escapeText: Escape): Stringify {
  return (value) => (typeof value === "string" ? escapeText(value) : scriptSafe(toText(value)));
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : checkText(JSON.stringify(value, refuseOthers));
}

/** JSON would leave these out, or make something else of them. */
function refuseOthers(this: unknown, key: string, value: unknown): unknown {
  const original: unknown = (this as Record<string, unknown>)[key];
  const isLost =
    ArrayBuffer.isView(original) ||
    isMap(original) ||
    isSet(original) ||
    value === undefined ||
    (typeof value === "number" && !Number.isFinite(value));
  if (isLost) throw new TypeError("a payload is not JSON data");
  return value;
}

function checkText(text: unknown): string {
  if (typeof text !== "string") throw new TypeError("stringify must return a string");
  return text;
}
