/** Finds the places that a JSON schema marks as sensitive. */
import {
  ANY,
  formatPointer,
  isPointer,
  type JsonPointer,
  matchesPointer,
  parsePointer,
  valueAt,
} from "../../primitives/json-pointer.js";
import { isObject, type JsonObject } from "../protocol/messages.js";

/** The keyword that marks the data of a schema as sensitive. */
const KEYWORD = "x-sensitive";
/** Keywords with schemas of the same value, of which not all need to match. */
const ALTERNATIVES = ["anyOf", "oneOf"] as const;
const CONDITIONS = ["if", "then", "else"] as const;
/** Keywords with schemas of members or items that the schema does not name. */
const OTHERS = [
  "additionalProperties",
  "unevaluatedProperties",
  "items",
  "additionalItems",
  "unevaluatedItems",
  "contains",
] as const;
const MAX_VISITS = 10_000;

/**
 * Returns the places that a schema marks with `"x-sensitive": true`, for the `at` member of rules.
 *
 * @param keyword - The keyword that marks a place. Default: `x-sensitive`.
 * @returns JSON pointers in which `*` matches every member or item.
 * @throws TypeError A reference leads out of the schema or is circular, so no pointer can describe
 *   the place.
 *
 * @example
 * ```ts
 * const schema = z.toJSONSchema(z.object({ ssn: z.string().meta({ "x-sensitive": true }) }));
 * const seal = markedPlaces(schema).map((at) => ({ at, optional: true }));
 * ```
 */
export function markedPlaces(schema: JsonObject, keyword: string = KEYWORD): string[] {
  return markedRules(schema, keyword).map(({ at }) => at);
}

/** A marked place, and whether the schema allows it to be absent. */
export interface MarkedRule {
  readonly at: string;
  readonly optional: boolean;
}

/**
 * Returns rules for the places that a schema marks. If the schema requires a place, a result
 * without it does not have the expected shape.
 *
 * @throws TypeError As {@link markedPlaces} does.
 */
export function markedRules(schema: JsonObject, keyword: string = KEYWORD): MarkedRule[] {
  const walk = new MarkWalk(schema, keyword);
  walk.visit(schema, { at: [], isRequired: true, within: [] });
  const { found } = walk;
  const places = [...found.keys()].map(parsePointer);
  const isCovered = (at: JsonPointer) =>
    places.some((other) => other !== at && matchesPointer(other, at.slice(0, other.length)));
  return places
    .filter((at) => !isCovered(at))
    .map(formatPointer)
    .map((at) => ({ at, optional: found.get(at) !== true }));
}

/** The position of a schema. */
interface Standing {
  readonly at: JsonPointer;
  /** Whether the described data is always present. */
  readonly isRequired: boolean;
  /** The references that were followed to this schema, to detect circles. */
  readonly within: readonly unknown[];
}

class MarkWalk {
  /** For the pointer of each marked place: whether the place is always present. */
  readonly found = new Map<string, boolean>();
  readonly #root: JsonObject;
  readonly #keyword: string;
  #visits = 0;

  constructor(root: JsonObject, keyword: string) {
    this.#root = root;
    this.#keyword = keyword;
  }

  visit(schema: unknown, standing: Standing): void {
    this.#visits += 1;
    if (this.#visits > MAX_VISITS) throw new TypeError("the schema is too large to be searched");
    if (!isObject(schema)) return;
    const { at, isRequired, within } = standing;
    if (schema[this.#keyword] === true) {
      const pointer = formatPointer(at);
      this.found.set(pointer, isRequired || this.found.get(pointer) === true);
      return;
    }
    for (const reference of referencesOf(schema)) {
      const target = this.#target(reference, within);
      this.visit(target, { ...standing, within: [...within, reference] });
    }
    for (const [token, part, isPresent] of partsOf(schema)) {
      this.visit(part, { at: [...at, token], isRequired: isRequired && isPresent, within });
    }
    for (const [branch, holds] of branchesOf(schema)) {
      this.visit(branch, { at, isRequired: isRequired && holds, within });
    }
  }

  #target($ref: unknown, within: readonly unknown[]): unknown {
    const fragment = typeof $ref === "string" && $ref.startsWith("#") ? $ref.slice(1) : "?";
    const target = isPointer(fragment) ? valueAt(this.#root, parsePointer(fragment)) : undefined;
    if (target === undefined) throw new TypeError("a reference leads out of the schema");
    if (within.includes($ref)) throw new TypeError("a reference leads in a circle");
    return target.value;
  }
}

function referencesOf({ $ref, $dynamicRef, $recursiveRef }: JsonObject): readonly unknown[] {
  return [$ref, $dynamicRef, $recursiveRef].filter((reference) => reference !== undefined);
}

/**
 * The pointer token of a member or item, its schema, and whether the member or item is always
 * present.
 */
type Part = readonly [token: string, schema: unknown, isPresent: boolean];

function* partsOf(schema: JsonObject): Generator<Part> {
  const { properties, patternProperties, required, items, prefixItems } = schema;
  const names = new Set<unknown>(Array.isArray(required) ? required : []);
  for (const [name, member] of entriesOf(properties)) yield [name, member, names.has(name)];
  // A pattern of names has no pointer token, so every present member counts as a match.
  for (const [, member] of entriesOf(patternProperties)) yield [ANY, member, true];
  for (const list of [prefixItems, items]) {
    if (Array.isArray(list))
      for (const [at, item] of list.entries()) yield [String(at), item, false];
  }
  for (const keyword of OTHERS) {
    if (isObject(schema[keyword])) yield [ANY, schema[keyword], true];
  }
}

/** A schema of the same value, and whether it always applies. */
type Branch = readonly [schema: unknown, holds: boolean];

function* branchesOf(schema: JsonObject): Generator<Branch> {
  const { allOf, dependentSchemas } = schema;
  if (Array.isArray(allOf)) for (const branch of allOf) yield [branch, true];
  for (const keyword of ALTERNATIVES) {
    const branches = schema[keyword];
    if (Array.isArray(branches)) for (const branch of branches) yield [branch, false];
  }
  for (const keyword of CONDITIONS) yield [schema[keyword], false];
  for (const [, branch] of entriesOf(dependentSchemas)) yield [branch, false];
}

function entriesOf(schemas: unknown): readonly (readonly [string, unknown])[] {
  return isObject(schemas) ? Object.entries(schemas) : [];
}
