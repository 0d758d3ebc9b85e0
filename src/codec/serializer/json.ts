import type { Buffer } from "node:buffer";
import { isPlainObject } from "../../primitives/kinds.js";
import { isTooLongText } from "../../primitives/longest-text.js";
import type { ArgumentRule } from "../../vault/argument-errors.js";
import type { Serializer } from "../../vault/contracts.js";
import { PayloadTooLargeError } from "../../vault/errors.js";
import { MAX_DEPTH, MAX_VALUES, unserializable } from "./unserializable.js";

/** How many more values the current check may visit. */
let valuesLeft = 0;
/** How many more bytes of JSON the payload may have, counting the minimum for each value. */
let bytesLeft = 0;
/** The minimum of an item: one character and a comma. */
const MIN_ITEM_BYTES = 2;
/** The minimum of a member, besides the characters of its name: the item, two quotes and a colon. */
const MIN_MEMBER_BYTES: number = MIN_ITEM_BYTES + 3;
/** The minimum of a text besides its characters and the item's one character: the second quote. */
const MIN_TEXT_OVERHEAD_BYTES = 1;

/**
 * Returns the serializer for JSON data (RFC 8259): `null`, booleans, finite numbers, text, arrays and
 * plain objects, nested up to 256 levels.
 *
 * Values that JSON would change silently are refused with a `TypeError` that names the place: `undefined`
 * and holes in arrays, NaN, infinities, −0, big integers, dates, maps, sets, other class instances,
 * functions, symbols, cycles.
 *
 * - A member whose value is `undefined` is omitted.
 * - Symbol keys and named members of arrays are not data and are not kept.
 * - A getter is read like a value, and must return the same value each time.
 */
export function jsonSerializer(): Serializer {
  return { id: 3, serialize, deserialize };
}

/**
 * Throws a `TypeError` that names the place, unless `data` is JSON data.
 *
 * @throws {@link PayloadTooLargeError} The JSON text certainly has more than `maxBytes`.
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
 * Returns whether JSON restores a value exactly. This function and those for arrays and objects are a hot
 * path, so each checks its own leaves. The depth limit also catches cycles, without a set of visited objects.
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

/** Returns whether a number is finite and not −0: NaN and infinities minus themselves are NaN, and 1/−0 < 0. */
function isJsonNumber(value: number): boolean {
  return value - value === 0 && (value !== 0 || 1 / value > 0);
}

function isOtherLeaf(value: unknown): boolean {
  return typeof value === "string" || typeof value === "boolean" || value === null;
}

/**
 * Returns whether an array is no instance of a subclass and has no `toJSON`, which JSON would call instead
 * of reading the items. In every realm `Array.prototype` is itself an array; a subclass's prototype is not.
 */
function isPlainArray(array: readonly unknown[]): boolean {
  return Array.isArray(Object.getPrototypeOf(array)) && !hasToJson(array);
}

/** Returns whether a value has a `toJSON`: JSON would store its result instead of the value. */
function hasToJson(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === "function";
}

/** Returns why a single value cannot be JSON; `undefined` if only its members can make it invalid. */
function describe(value: unknown): ArgumentRule | undefined {
  switch (typeof value) {
    case "undefined":
      return "undefinedValue";
    case "number":
      return isJsonNumber(value) ? undefined : Object.is(value, -0) ? "negativeZero" : "notFinite";
    case "bigint":
      return "bigInteger";
    case "function":
      return "function";
    case "symbol":
      return "symbol";
    case "object": {
      if (value === null) return undefined;
      const isPlain = Array.isArray(value) ? isPlainArray(value) : isPlainObject(value);
      return isPlain && !hasToJson(value) ? undefined : "classInstance";
    }
    default:
      return undefined;
  }
}
