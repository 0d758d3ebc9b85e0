import type { Serializer } from "../../vault/contracts.js";
import { MAX_DEPTH, MAX_VALUES, unserializable } from "./unserializable.js";

/** What the walk in progress may still visit. */
let valuesLeft = 0;

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

/** Throws a `TypeError` that names the place unless `data` is JSON data. */
export function checkJson(data: unknown): void {
  valuesLeft = MAX_VALUES;
  if (!isJson(data, MAX_DEPTH)) throw unserializable(data, describe);
}

function serialize(data: unknown): string {
  checkJson(data);
  return JSON.stringify(data);
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
  if (valuesLeft < 0) return false;
  for (let index = 0; index < array.length; index++) {
    const item = array[index];
    if (typeof item === "string") continue;
    if (typeof item === "number" ? !isJsonNumber(item) : !isJson(item, depth)) return false;
  }
  return true;
}

function isJsonObject(object: Record<string, unknown>, depth: number): boolean {
  if (!isPlainObject(object)) return false;
  let members = 0;
  for (const key in object) {
    const member = object[key];
    members += 1;
    if (typeof member === "string" || typeof member === "boolean" || member === undefined) continue;
    if (typeof member === "number" ? !isJsonNumber(member) : !isJson(member, depth)) return false;
  }
  valuesLeft -= members;
  return valuesLeft >= 0;
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

/** Tells objects of literals, of `JSON.parse` and of other realms from instances of classes. */
function isPlainObject(object: object): boolean {
  const prototype = Object.getPrototypeOf(object);
  if (hasToJson(object)) return false;
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
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
      const plain = Array.isArray(value) ? isPlainArray(value) : isPlainObject(value);
      return plain ? undefined : "an instance of a class";
    }
    default:
      return undefined;
  }
}
