import { isFieldName, MAX_FIELDS } from "./field-names.js";
import type { ViewIndex } from "./view-index.js";

/** Deeper payloads are left to the thorough search. */
const MAX_DEPTH = 32;

/** The input and the state of a quick search. */
export interface QuickSearch {
  readonly index: ViewIndex;
  /** Whether every text in the payload is known to be ASCII. */
  readonly isAscii: boolean;
  /** Field names seen before, by depth and position: the rows of a table have the same names. */
  readonly knownNames: string[][];
  /** How many more values may be visited: a payload that shares parts has more values than its memory. */
  valuesLeft: number;
}

/**
 * Returns whether a payload certainly has no leaf in common with a safe view. `false` means only that
 * `LeafSearch` has to decide: there may be a leak, or a value that this search does not support. It
 * supports texts, numbers, constants, arrays, and plain objects with few members.
 *
 * This is a hot path: almost every payload is searched here alone, from end to end.
 */
export function isClean(value: unknown, search: QuickSearch, depth = 0): boolean {
  if (typeof value !== "object" || value === null) return isCleanLeaf(value, search);
  if (depth >= MAX_DEPTH) return false;
  return Array.isArray(value)
    ? isCleanArray(value, search, depth)
    : isCleanObject(value as Record<string, unknown>, search, depth);
}

function isCleanLeaf(value: unknown, { index, isAscii }: QuickSearch): boolean {
  switch (typeof value) {
    case "string":
      return !(isAscii ? index.hasAsciiText(value) : index.hasText(value));
    case "number":
      return !index.hasNumber(value);
    default:
      return typeof value !== "bigint";
  }
}

function isCleanArray(array: readonly unknown[], search: QuickSearch, depth: number): boolean {
  search.valuesLeft -= array.length;
  if (search.valuesLeft < 0) return false;
  for (let index = 0; index < array.length; index++) {
    if (!isClean(array[index], search, depth + 1)) return false;
  }
  return true;
}

function isCleanObject(
  object: Record<string, unknown>,
  search: QuickSearch,
  depth: number,
): boolean {
  const prototype = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const { index, isAscii, knownNames } = search;
  knownNames[depth] ??= [];
  const known = knownNames[depth];
  let position = 0;
  for (const name in object) {
    // Read the member first: V8 has its position cached only until other code runs.
    const member = object[name];
    if (known[position] !== name && !isField(name, known, position)) return false;
    position += 1;
    if (typeof member === "string") {
      if (isAscii ? index.hasAsciiText(member) : index.hasText(member)) return false;
    } else if (typeof member === "number") {
      if (index.hasNumber(member)) return false;
    } else if (typeof member !== "boolean" && !isClean(member, search, depth + 1)) {
      return false;
    }
  }
  search.valuesLeft -= position;
  return search.valuesLeft >= 0;
}

function isField(name: string, known: string[], position: number): boolean {
  const isKnowable = position < MAX_FIELDS && isFieldName(name);
  if (isKnowable) known[position] = name;
  return isKnowable;
}
