import { SHORTEST_LEAF } from "./fragments.js";
import { isFieldName, MAX_FIELDS } from "./leaf-search.js";

/** How many values are looked at: rows of a table have the same fields. */
const MAX_VALUES = 10_000;

/**
 * Returns the names of a payload's fields that are as long as a leaf: of members that are identifiers, in objects of few members.
 * Of a huge payload it returns those near its beginning.
 */
export function fieldNamesOf(data: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  const pending: unknown[] = [data];
  for (let at = 0; at < pending.length && at < MAX_VALUES; at++) {
    const value = pending[at];
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) continue;
    const [keys, members] = partsOf(value);
    if (!Array.isArray(value) && keys.length <= MAX_FIELDS) {
      for (const key of keys) if (typeof key === "string" && isLongName(key)) names.add(key);
    }
    pending.push(...members.slice(0, MAX_VALUES));
  }
  return names;
}

/** No value that is looked for equals a shorter one. */
function isLongName(key: string): boolean {
  return key.length >= SHORTEST_LEAF && isFieldName(key);
}

function partsOf(value: object): [keys: readonly unknown[], members: readonly unknown[]] {
  if (Array.isArray(value)) return [[], value];
  if (value instanceof Set) return [[], [...value]];
  if (value instanceof Map) return [[...value.keys()], [...value.values()]];
  return [Object.keys(value), Object.values(value)];
}
