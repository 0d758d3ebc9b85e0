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
const UNIONS = ["anyOf", "oneOf", "allOf"] as const;
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
  const walk = new MarkWalk(schema, keyword);
  walk.visit(schema, [], []);
  const distinct = [...new Set(walk.found.map(formatPointer))].map(parsePointer);
  const isCovered = (at: JsonPointer) =>
    distinct.some((other) => other !== at && matchesPointer(other, at.slice(0, other.length)));
  return distinct.filter((at) => !isCovered(at)).map(formatPointer);
}

class MarkWalk {
  readonly found: JsonPointer[] = [];
  readonly #root: JsonObject;
  readonly #keyword: string;
  #visits = 0;

  constructor(root: JsonObject, keyword: string) {
    this.#root = root;
    this.#keyword = keyword;
  }

  /** @param within - The references that led here. */
  visit(schema: unknown, at: JsonPointer, within: readonly unknown[]): void {
    this.#visits += 1;
    if (this.#visits > MAX_VISITS) throw new TypeError("the schema is too large to be searched");
    if (!isObject(schema)) return;
    if (schema[this.#keyword] === true) {
      this.found.push(at);
      return;
    }
    const { $ref } = schema;
    if ($ref !== undefined) this.visit(this.#target($ref, within), at, [...within, $ref]);
    for (const [token, part] of partsOf(schema)) this.visit(part, [...at, token], within);
    for (const branch of branchesOf(schema)) this.visit(branch, at, within);
  }

  #target($ref: unknown, within: readonly unknown[]): unknown {
    const fragment = typeof $ref === "string" && $ref.startsWith("#") ? $ref.slice(1) : "?";
    const target = isPointer(fragment) ? valueAt(this.#root, parsePointer(fragment)) : undefined;
    if (target === undefined) throw new TypeError("a reference leads out of the schema");
    if (within.includes($ref)) throw new TypeError("a reference leads in a circle");
    return target.value;
  }
}

/** Gives the schemas of members and items, each with the token that leads there. */
function* partsOf(schema: JsonObject): Generator<readonly [string, unknown]> {
  const { properties, additionalProperties, items, prefixItems } = schema;
  if (isObject(properties)) yield* Object.entries(properties);
  if (Array.isArray(prefixItems)) {
    for (const [index, item] of prefixItems.entries()) yield [String(index), item];
  }
  for (const others of [additionalProperties, items]) {
    if (isObject(others)) yield [ANY, others];
  }
}

function branchesOf(schema: JsonObject): readonly unknown[] {
  return UNIONS.flatMap((union) => {
    const branches: unknown = schema[union];
    return Array.isArray(branches) ? branches : [];
  });
}
