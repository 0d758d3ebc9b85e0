import { isPlainObject } from "../../primitives/kinds.js";
import { isTooLongText } from "../../primitives/longest-text.js";
import type { Serializer } from "../../vault/contracts.js";
import { PayloadTooLargeError } from "../../vault/errors.js";
import { MAX_DEPTH, MAX_VALUES, unserializable } from "./unserializable.js";

/** What the walk in progress may still visit. */
let valuesLeft = 0;
/** How much JSON text the rest of the walk may stand for, at the least that each value takes. */
let bytesLeft = 0;
/** A value of one character, and the comma behind it. */
const MIN_ITEM_BYTES = 2;
/** The same behind a name in quotes and a colon. */
const MIN_MEMBER_BYTES: number = MIN_ITEM_BYTES + 3;
/** Quotes: a text takes at least so much more than its characters. */
const MIN_TEXT_OVERHEAD_BYTES = 1;

/**
 * Returns the serializer for JSON data (RFC 8259): `null`, booleans, finite numbers, text, arrays and
 * plain objects, nested up to 256 levels.
 *
 * Whatever JSON would change silently is refused with a `TypeError` that names the place: `undefined`
 * and holes in arrays, NaN, infinities, −0, big integers, dates, maps, sets, other class instances,
 * functions, symbols, cycles. A member whose value is `undefined` counts as absent. Symbol keys and
 * named members of arrays are not data and are not kept; a getter counts as what it returns, and must
 * return the same each time.
 */
export function jsonSerializer(): Serializer {
  return { id: 3, serialize, deserialize };
}

/**
 * Throws a `TypeError` that names the place unless `data` is JSON data.
 *
 * @throws {@link PayloadTooLargeError} Its text certainly has more than `maxBytes`.
 */
export function checkJson(data: unknown, maxBytes: number = Number.POSITIVE_INFINITY): void {
  valuesLeft = MAX_VALUES;
  bytesLeft = maxBytes;
  if (isJson(data, MAX_DEPTH)) return;
  throw bytesLeft < 0 ? new PayloadTooLargeError() : unserializable(data, describe);
}

function serialize(data: unknown, maxBytes?: number): string {
  checkJson(data, maxBytes);
  try {
    return JSON.stringify(data);
  } catch (error) {
    throw isTooLongText(error) ? new PayloadTooLargeError() : error;
  }
}

function deserialize(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString("utf8"));
}

/**
 * Tells whether JSON carries a value exactly. This and the two below are a hot path, which is why each
 * checks its own leaves. Bounded by depth rather than by remembering what was seen: a cycle is too deep.
 */
function isJson(value: unknown, depth: number): boolean {
  if (typeof value === "object" && value !== null) return isJsonContainer(value, depth);
  return typeof value === "number" ? isJsonNumber(value) : isOtherLeaf(value);
}

function isJsonContainer(value: object, depth: number): boolean {
  if (depth === 0) return false;
  return Array.isArray(value)
    ? isJsonArray(value, depth - 1)
    : isJsonObject(value as Record<string, unknown>, depth - 1);
}

function isJsonArray(array: readonly unknown[], depth: number): boolean {
  if (!isPlainArray(array)) return false;
  valuesLeft -= array.length;
  bytesLeft -= array.length * MIN_ITEM_BYTES;
  if (valuesLeft < 0 || bytesLeft < 0) return false;
  let textBytes = 0;
  for (let index = 0; index < array.length; index++) {
    const item = array[index];
    if (typeof item === "string") textBytes += item.length + MIN_TEXT_OVERHEAD_BYTES;
    else if (typeof item === "number" ? !isJsonNumber(item) : !isJson(item, depth)) return false;
  }
  bytesLeft -= textBytes;
  return bytesLeft >= 0;
}

function isJsonObject(object: Record<string, unknown>, depth: number): boolean {
  if (!isPlainObject(object) || hasToJson(object)) return false;
  let members = 0;
  let bytes = 0;
  for (const key in object) {
    const member = object[key];
    members += 1;
    if (member === undefined) continue;
    bytes += key.length + MIN_MEMBER_BYTES;
    if (typeof member === "string") bytes += member.length + MIN_TEXT_OVERHEAD_BYTES;
    else if (typeof member === "boolean") continue;
    else if (typeof member === "number" ? !isJsonNumber(member) : !isJson(member, depth)) {
      return false;
    }
  }
  valuesLeft -= members;
  bytesLeft -= bytes;
  return valuesLeft >= 0 && bytesLeft >= 0;
}

/** NaN and infinities differ from themselves by NaN; 1/-0 is negative. */
function isJsonNumber(value: number): boolean {
  return value - value === 0 && (value !== 0 || 1 / value > 0);
}

function isOtherLeaf(value: unknown): boolean {
  return typeof value === "string" || typeof value === "boolean" || value === null;
}

/**
 * Tells arrays from instances of subclasses: `Array.prototype` is itself an array, in every realm,
 * and the prototype of a subclass is not. JSON would call a `toJSON` instead of reading the array.
 */
function isPlainArray(array: readonly unknown[]): boolean {
  return Array.isArray(Object.getPrototypeOf(array)) && !hasToJson(array);
}

/** JSON would call it, and store what it returns instead of what is there. */
function hasToJson(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === "function";
}

/** Says why a single value cannot be JSON, or `undefined` if what it holds decides. */
function describe(value: unknown): string | undefined {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "number":
      return isJsonNumber(value)
        ? undefined
        : Object.is(value, -0)
          ? "-0"
          : "a number that is not finite";
    case "bigint":
      return "a big integer";
    case "function":
      return "a function";
    case "symbol":
      return "a symbol";
    case "object": {
      if (value === null) return undefined;
      const isPlain = Array.isArray(value) ? isPlainArray(value) : isPlainObject(value);
      return isPlain && !hasToJson(value) ? undefined : "an instance of a class";
    }
    default:
      return undefined;
  }
}
