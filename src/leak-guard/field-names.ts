import { isMap, isSet } from "../primitives/kinds.js";
import { SHORTEST_LEAF } from "./fragments.js";

/** An object with more members is treated as a map, whose keys are data. */
export const MAX_FIELDS = 64;
/** The longest field name. A longer member name is data. */
export const MAX_NAME_CHARACTERS = 40;
const FIELD_NAME = /^[A-Za-z_$][\w$]{0,39}$/;
/** The most objects that are searched for names: the rows of a table all have the same fields. */
const MAX_OBJECTS = 10_000;

/** Returns whether a member name looks like an identifier from a program and not like data. */
export function isFieldName(name: string): boolean {
  return FIELD_NAME.test(name);
}

/** Returns whether an object has so many members that their names are data. */
export function isMapOfMany(object: object): boolean {
  return (isMap(object) ? object.size : Object.keys(object).length) > MAX_FIELDS;
}

/**
 * Returns the field names of a payload that are long enough to be a leaf: identifiers in objects with at
 * most {@link MAX_FIELDS} members. In a huge payload, only the first {@link MAX_OBJECTS} objects count.
 */
export function fieldNamesOf(data: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  // Iterating over a set also visits items added during the iteration, and shared parts only once.
  const objects = new Set<object>();
  addObjects(objects, [data]);
  for (const object of objects) {
    const [keys, members] = partsOf(object);
    if (keys.length <= MAX_FIELDS) {
      for (const key of keys) if (typeof key === "string" && isLongName(key)) names.add(key);
    }
    addObjects(objects, members);
  }
  return names;
}

function addObjects(objects: Set<object>, values: readonly unknown[]): void {
  for (const value of values) {
    if (objects.size >= MAX_OBJECTS) return;
    const isObject = typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
    if (isObject) objects.add(value);
  }
}

/** Returns whether a key is a field name that a leaf could equal: shorter texts are never leaves. */
function isLongName(key: string): boolean {
  return key.length >= SHORTEST_LEAF && isFieldName(key);
}

function partsOf(value: object): [keys: readonly unknown[], members: readonly unknown[]] {
  if (Array.isArray(value)) return [[], value];
  if (isSet(value)) return [[], [...value]];
  if (isMap(value)) return [[...value.keys()], [...value.values()]];
  return [Object.keys(value), Object.values(value)];
}
