/** Renders payloads as text. */
import { isMap, isSet } from "../../primitives/kinds.js";
import { ESCAPES, type Escape, type OutputFormat, scriptSafe } from "./output-format.js";

/** Returns a payload, or a part of one, as text. */
export type Stringify = (value: unknown) => string;

/** Options for rendering payloads as text. */
export interface RenderingOptions {
  /** The format of the text that payloads are inserted into. Default `"text"`. */
  readonly format?: OutputFormat | undefined;
  /**
   * Returns a value as text, which is then escaped for the format. Default: text unchanged, and other JSON
   * data as JSON. Bytes, and values that JSON would change, cannot be rendered by default.
   */
  readonly stringify?: Stringify | undefined;
}

/** Returns a function that renders values. It throws for values that it cannot render. */
export function renderer({ format = "text", stringify }: RenderingOptions): Stringify {
  const escapeText = ESCAPES[format];
  if (stringify !== undefined) return (value) => escapeText(checkText(stringify(value)));
  if (format === "json") return toJsonValue(escapeText);
  if (format === "sql") return (value) => toSqlLiteral(value, escapeText);
  return (value) => escapeText(toText(value));
}

/** Numbers, booleans and null are the same literals in SQL as in JSON; objects become text. */
function toSqlLiteral(value: unknown, quote: Escape): string {
  const isLiteral = value === null || typeof value === "number" || typeof value === "boolean";
  const text = toText(value);
  if (!isLiteral) return quote(text);
  // A second minus directly after a minus would begin a comment.
  return text.startsWith("-") ? `(${text})` : text.toUpperCase();
}

function toJsonValue(escapeText: Escape): Stringify {
  return (value) => (typeof value === "string" ? escapeText(value) : scriptSafe(toText(value)));
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : checkText(JSON.stringify(value, refuseOthers));
}

/** Throws for values that JSON would omit or change. */
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
