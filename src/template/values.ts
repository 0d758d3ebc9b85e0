/** Copies of JSON data, and of payloads of any kind. */
import type { JsonPointer } from "../primitives/json-pointer.js";
import { isMap, isPlainObject, isSet } from "../primitives/kinds.js";

/** What stands in a value's place in a copy; `undefined` for a copy of the value itself. */
export type Replace = (
  value: unknown,
  pointer: JsonPointer,
) => { readonly value: unknown } | undefined;

const MAX_DEPTH = 256;
/** Of numbers and the like, and of an object beside its members. */
const NUMBER_SIZE = 8;

/**
 * Returns a copy of JSON data with some of its values replaced, outermost first; what was put in is
 * not walked. Anything but arrays and plain objects is one value.
 *
 * @throws RangeError It is nested more than 256 levels, or contains itself.
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
  // Defines members rather than assigns them: one may be called __proto__.
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, inner(member, key)]),
  );
}

/** Returns a value that shares nothing with the original: two places must not change together. */
export function copyOf(value: unknown): unknown {
  // A clone of a view would carry all of the memory that it is a view of.
  return ArrayBuffer.isView(value) && "slice" in value && typeof value.slice === "function"
    ? value.slice()
    : structuredClone(value);
}

/** Returns about how many characters or bytes a value takes. */
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
