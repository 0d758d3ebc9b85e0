/** Places that a JSON schema marks as sensitive. */
import {
  ANY,
  formatPointer,
  isPointer,
  type JsonPointer,
  matchesPointer,
  parsePointer,
  valueAt,
} from "../primitives/json-pointer.js";
import { isObject, type JsonObject } from "./messages.js";

/** The keyword of a schema that marks what it describes as sensitive. */
const KEYWORD = "x-sensitive";
/** Schemas of the same value that need not hold. */
const ALTERNATIVES = ["anyOf", "oneOf"] as const;
const CONDITIONS = ["if", "then", "else"] as const;
/** Schemas of members or items that have no name in the schema. */
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
 * Returns the places that a schema marks with `"x-sensitive": true`, for the `at` of rules.
 *
 * @param keyword - Another keyword that marks.
 * @returns JSON pointers in which `*` stands for every member or item.
 * @throws TypeError A reference leads out of the schema, or in a circle: then no pointer can tell.
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

/** A place that a schema marks, and whether the schema lets it be absent. */
export interface MarkedRule {
  readonly at: string;
  readonly optional: boolean;
}

/**
 * Returns rules for the places that a schema marks: where it says that one is always there, a result
 * without it has another shape.
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

/** Where a schema stands. */
interface Standing {
  readonly at: JsonPointer;
  /** Whether what it describes is always there. */
  readonly isRequired: boolean;
  /** The references that led here. */
  readonly within: readonly unknown[];
}

class MarkWalk {
  /** Whether what is marked is always there, by its pointer. */
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

/** The token that leads to a member or item, its schema, and whether it is always there. */
type Part = readonly [token: string, schema: unknown, isPresent: boolean];

function* partsOf(schema: JsonObject): Generator<Part> {
  const { properties, patternProperties, required, items, prefixItems } = schema;
  const names = new Set<unknown>(Array.isArray(required) ? required : []);
  for (const [name, member] of entriesOf(properties)) yield [name, member, names.has(name)];
  // What is marked by a pattern of names is looked for under every name, as far as it is there.
  for (const [, member] of entriesOf(patternProperties)) yield [ANY, member, true];
  for (const list of [prefixItems, items]) {
    if (Array.isArray(list))
      for (const [at, item] of list.entries()) yield [String(at), item, false];
  }
  for (const keyword of OTHERS) {
    if (isObject(schema[keyword])) yield [ANY, schema[keyword], true];
  }
}

/** A schema of the same value, and whether it always holds. */
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
