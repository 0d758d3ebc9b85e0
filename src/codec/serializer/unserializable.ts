import { isMap, isSet } from "../../primitives/kinds.js";
import { type ArgumentRule, typeFault } from "../../vault/argument-errors.js";

/** The greatest depth of a payload. */
export const MAX_DEPTH = 256;

/** The most values in a payload. One that shares parts can have far more values than its memory suggests. */
export const MAX_VALUES: number = 2 ** 24;

/** The most values that are searched for the invalid one. */
const MAX_SEARCHED = 1_000_000;

/** Returns the rule that a single value breaks; `undefined` if only its members can make it invalid. */
export type Describe = (value: unknown) => ArgumentRule | undefined;

/** A place in the payload; `label` is the last step of its path, without data. */
interface Place {
  readonly parent: Place | undefined;
  readonly label: string;
  readonly value: unknown;
}

/**
 * Returns the error for a payload that a serializer refused. Its message has the place and the kind of the
 * invalid value, never the value. Member names that are not identifiers may be data themselves (a map with
 * personal numbers as keys), so the path has their position instead.
 */
export function unserializable(data: unknown, describe: Describe): TypeError {
  const root = { parent: undefined, label: "data", value: data };
  return new Search(describe).in(root, MAX_DEPTH) ?? typeFault("data", "unserializable");
}

/** Searches depth first, like the serializers, so that it finds the same value. */
class Search {
  readonly #describe: Describe;
  #valuesLeft = MAX_SEARCHED;

  constructor(describe: Describe) {
    this.#describe = describe;
  }

  /** Returns the error for the first invalid value within a place; `undefined` if there is none. */
  in(place: Place, depth: number): TypeError | undefined {
    const { value } = place;
    this.#valuesLeft -= 1;
    if (this.#valuesLeft < 0) return undefined;
    const rule = this.#describe(value);
    if (rule !== undefined) return typeFault(pathOf(place), rule);
    if (typeof value !== "object" || value === null) return undefined;
    if (isAncestor(value, place.parent)) {
      return typeFault(pathOf(place), "cycle");
    }
    if (depth === 0) return typeFault(pathOf(place), "nesting", MAX_DEPTH);
    for (const child of childrenOf(place)) {
      const found = this.in(child, depth - 1);
      if (found !== undefined || this.#valuesLeft < 0) return found;
    }
    return undefined;
  }
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
    if (isMap(value)) yield { parent, label: `.(key ${position})`, value: key };
    if (member === undefined) continue;
    const label =
      typeof key === "string" && isIdentifier(key) ? `.${key}` : `.(member ${position})`;
    yield { parent, label, value: member };
  }
}

function membersOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (isMap(value)) return value;
  if (isSet(value)) return [...value].map((item) => [undefined, item] as const);
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
