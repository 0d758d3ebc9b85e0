import { isFieldName, MAX_FIELDS } from "./field-names.js";
import type { ViewIndex } from "./view-index.js";

/** Deeper than this a payload is for the thorough search. */
const MAX_DEPTH = 32;

/** What a quick search goes by. */
export interface QuickSearch {
  readonly index: ViewIndex;
  /** Whether every text in the payload is known to hold nothing but ASCII. */
  readonly isAscii: boolean;
  /** Field names that were met before, by depth and position: rows of a table have the same. */
  readonly knownNames: string[][];
  /** How many values it may still look at: a payload that shares parts can be larger than its memory. */
  valuesLeft: number;
}

/**
 * Tells whether a payload is certain to have no leaf in common with a safe view; if not, or if it holds
 * anything but texts, numbers and plain objects of few members, `LeafSearch` knows better.
 *
 * A hot path: almost every payload is walked from end to end here, and by nothing else.
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
    // First of all: the engine knows where the member is, until anything else has run.
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
