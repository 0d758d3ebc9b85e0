/** Finds places that cannot exist in the data of a JSON schema. */
import {
  ANY,
  isPointer,
  type JsonPointer,
  type PointerPattern,
  parsePointer,
  valueAt,
} from "../../primitives/json-pointer.js";
import { isObject, type JsonObject } from "../protocol/messages.js";

/** The point at which a place cannot exist, and the members that the schema has there. */
export interface MissingPlace {
  /** The tokens that lead to the members. */
  readonly within: PointerPattern;
  /** The token that matches none of the members. */
  readonly token: string;
  readonly names: readonly string[];
}

/**
 * The maximum number of schemas that are visited for one place. References can be circular, or
 * multiply.
 */
const MAX_VISITS = 1000;

/**
 * Returns the point at which a place cannot exist in any data that a schema allows, or `undefined`
 * if some data may have the place or the schema leaves it open.
 *
 * Source: JSON Schema 2020-12, core, 10 (applicators).
 */
export function missingPlace(root: JsonObject, pattern: PointerPattern): MissingPlace | undefined {
  return new PlaceSearch(root).missing(root, { within: [], rest: pattern });
}

/** The tokens of a place that have been followed, and those that remain. */
interface Way {
  readonly within: JsonPointer;
  readonly rest: JsonPointer;
}

class PlaceSearch {
  readonly #root: JsonObject;
  #visits = 0;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  missing(schema: unknown, way: Way): MissingPlace | undefined {
    this.#visits += 1;
    if (way.rest.length === 0 || this.#visits > MAX_VISITS || !isObject(schema)) return undefined;
    // All of these schemas apply, so the place is missing if one of them excludes it.
    for (const part of this.#partsOf(schema)) {
      const missing = this.missing(part, way);
      if (missing !== undefined) return missing;
    }
    for (const branches of [schema["anyOf"], schema["oneOf"]]) {
      const missing = this.#missingInAll(branches, way);
      if (missing !== undefined) return missing;
    }
    const types = [schema["type"]].flat().filter((type) => type !== "null");
    if (types.length !== 1) return undefined;
    if (types[0] === "object") return this.#missingMember(schema, way);
    return types[0] === "array" ? this.#missingItem(schema, way) : undefined;
  }

  #partsOf({ $ref, allOf }: JsonObject): readonly unknown[] {
    const target =
      typeof $ref === "string" && $ref.startsWith("#") && isPointer($ref.slice(1))
        ? valueAt(this.#root, parsePointer($ref.slice(1)))?.value
        : undefined;
    return [target, ...(Array.isArray(allOf) ? allOf : [])];
  }

  #missingInAll(branches: unknown, way: Way): MissingPlace | undefined {
    if (!Array.isArray(branches)) return undefined;
    // A branch for null has no members, so it says nothing about the place.
    const others = branches.filter((branch) => !isObject(branch) || branch["type"] !== "null");
    const missing = others.map((branch: unknown) => this.missing(branch, way));
    return missing.every((one) => one !== undefined) ? missing[0] : undefined;
  }

  #missingMember(schema: JsonObject, { within, rest }: Way): MissingPlace | undefined {
    const [token = "", ...below] = rest;
    const { properties, patternProperties, additionalProperties } = schema;
    if (token === ANY || patternProperties !== undefined) return undefined;
    const known = isObject(properties) ? properties : {};
    const way = { within: [...within, token], rest: below };
    if (Object.hasOwn(known, token)) return this.missing(known[token], way);
    if (additionalProperties !== false) return this.missing(additionalProperties, way);
    return { within, token, names: Object.keys(known) };
  }

  #missingItem(
    { items, prefixItems }: JsonObject,
    { within, rest }: Way,
  ): MissingPlace | undefined {
    const [token = "", ...below] = rest;
    if (prefixItems !== undefined) return undefined;
    return this.missing(items, { within: [...within, token], rest: below });
  }
}
