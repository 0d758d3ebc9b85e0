/** Copies JSON data and payloads of any kind. */
import type { JsonPointer } from "../../primitives/json-pointer.js";
import { isMap, isPlainObject, isSet } from "../../primitives/kinds.js";

/** Returns the replacement of a value in a copy; `undefined` to copy the value itself. */
export type Replace = (
  value: unknown,
  pointer: JsonPointer,
) => { readonly value: unknown } | undefined;

const MAX_DEPTH = 256;
/** The size of a number or similar value, and of an object without its members. */
const NUMBER_SIZE = 8;

/**
 * Returns a copy of JSON data with some of its values replaced, outermost first. Replacements are not
 * traversed. All values except arrays and plain objects are treated as one value.
 *
 * @throws RangeError The data is nested more than 256 levels, or contains itself.
 */
export function mapValues(value: unknown, replace: Replace, pointer: JsonPointer = []): unknown {
  if (pointer.length > MAX_DEPTH) {
    throw new RangeError(`value must not be nested more than ${MAX_DEPTH} levels`);
  }
  const replaced = replace(value, pointer);
  if (replaced !== undefined) return replaced.value;
  const inner = (member: unknown, token: string | number) =>
    mapValues(member, replace, [...pointer, String(token)]);
  if (Array.isArray(value)) return value.map(inner);
  if (typeof value !== "object" || value === null || !isPlainObject(value)) return value;
  // Defines members instead of assigning them: one may be named `__proto__`.
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, inner(member, key)]),
  );
}

/** Returns a deep copy, so that a change in one place does not affect another. */
export function copyOf(value: unknown): unknown {
  // A clone of a view would also copy all of the memory behind it.
  return ArrayBuffer.isView(value) && "slice" in value && typeof value.slice === "function"
    ? value.slice()
    : structuredClone(value);
}

/** Returns the approximate size of a value in characters or bytes. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return NUMBER_SIZE;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  return membersOf(value).reduce<number>((sum, member) => sum + sizeOf(member), NUMBER_SIZE);
}

function membersOf(value: object): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const isCollection = isMap(value) || isSet(value);
  return isCollection ? [...value] : [...Object.keys(value), ...Object.values(value)];
}
