import { isMap, isSet } from "../primitives/kinds.js";
import { SHORTEST_LEAF } from "./fragments.js";

/** An object of more members is taken for a map, whose keys are data. */
export const MAX_FIELDS = 64;
/** No field name is longer. */
export const MAX_NAME_CHARACTERS = 40;
const FIELD_NAME = /^[A-Za-z_$][\w$]{0,39}$/;
/** How many objects are looked at: rows of a table have the same fields. */
const MAX_OBJECTS = 10_000;

/** Tells whether a member's name is one that a program gave, and not data, by its looks. */
export function isFieldName(name: string): boolean {
  return FIELD_NAME.test(name);
}

/** Tells whether an object has so many members that their names are data. */
export function isMapOfMany(object: object): boolean {
  return (isMap(object) ? object.size : Object.keys(object).length) > MAX_FIELDS;
}

/**
 * Returns the names of a payload's fields that are as long as a leaf: of members that are identifiers,
 * in objects of few members. Of a huge payload it returns those near its beginning.
 */
export function fieldNamesOf(data: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  // A set gives what is added while it is gone through, and parts that are shared only once.
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

/** No value that is looked for equals a shorter one. */
function isLongName(key: string): boolean {
  return key.length >= SHORTEST_LEAF && isFieldName(key);
}

function partsOf(value: object): [keys: readonly unknown[], members: readonly unknown[]] {
  if (Array.isArray(value)) return [[], value];
  if (isSet(value)) return [[], [...value]];
  if (isMap(value)) return [[...value.keys()], [...value.values()]];
  return [Object.keys(value), Object.values(value)];
}
