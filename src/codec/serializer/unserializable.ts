/** How deep a structure may nest. */
export const MAX_DEPTH = 256;

/** Says why a single value cannot be carried, or `undefined` if what it holds decides. */
export type Describe = (value: unknown) => string | undefined;

/** A place in the payload: `key` is there to be shown, if it may be. */
interface Place {
  readonly parent: Place | undefined;
  readonly label: string;
  readonly value: unknown;
}

/**
 * Returns the error for a payload that a serializer refused: where the trouble is, and of what kind,
 * but never the value. Member names that are not identifiers may be data themselves (a map keyed by
 * a personal number), so they are counted instead of shown.
 */
export function unserializable(data: unknown, describe: Describe): TypeError {
  const found = search({ parent: undefined, label: "data", value: data }, describe, MAX_DEPTH);
  return new TypeError(found ?? "data has too many values to be serialized");
}

/** Searches depth first, as the serializer's own walk does, so that it stops where that did. */
function search(place: Place, describe: Describe, depth: number): string | undefined {
  const { value } = place;
  const reason = describe(value);
  if (reason !== undefined) return `${pathOf(place)} is ${reason}: the serializer cannot carry it`;
  if (typeof value !== "object" || value === null) return undefined;
  if (isAncestor(value, place.parent)) return `${pathOf(place)} contains itself`;
  if (depth === 0) return `${pathOf(place)} is nested more than ${MAX_DEPTH} levels deep`;
  for (const child of childrenOf(place)) {
    const found = search(child, describe, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function* childrenOf(parent: Place): Generator<Place> {
  const { value } = parent;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      yield { parent, label: `[${index}]`, value: value[index] };
    }
    return;
  }
  let position = 0;
  for (const [key, member] of membersOf(value)) {
    position += 1;
    if (member === undefined) continue;
    const label =
      typeof key === "string" && isIdentifier(key) ? `.${key}` : `.(member ${position})`;
    yield { parent, label, value: member };
  }
}

function membersOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (value instanceof Map) return value;
  if (value instanceof Set) return [...value].map((item) => [undefined, item] as const);
  return Object.entries(value as object);
}

function isIdentifier(key: string): boolean {
  return /^[A-Za-z_$][\w$]{0,39}$/.test(key);
}

function isAncestor(value: object, place: Place | undefined): boolean {
  for (let above = place; above !== undefined; above = above.parent) {
    if (above.value === value) return true;
  }
  return false;
}

function pathOf(place: Place): string {
  const above = place.parent === undefined ? "" : pathOf(place.parent);
  return above + place.label;
}
