/**
 * Rewrites the JSON schemas of tools: replaces parts by handles, and removes texts and examples.
 */
import {
  ANY,
  isPointer,
  type JsonPointer,
  type PointerPattern,
  parsePointer,
  valueAt,
} from "../../primitives/json-pointer.js";
import { isObject, type JsonObject } from "../protocol/messages.js";
import { HANDLE_FORM_SCHEMA } from "./handle-form.js";

type Edit = (schema: unknown) => JsonObject;

/**
 * The maximum number of schemas that are visited for one place. References can be circular, or
 * multiply.
 */
const MAX_VISITS = 1000;
const UNIONS = ["anyOf", "oneOf", "allOf"] as const;

/**
 * Returns a copy of a schema in which the schema of one place is replaced.
 *
 * @returns `undefined` if the schema does not describe the place.
 */
export function editSchemaAt(
  root: JsonObject,
  pattern: PointerPattern,
  edit: Edit,
): JsonObject | undefined {
  return new SchemaEditor(root, edit).editAt(root, pattern);
}

class SchemaEditor {
  readonly #root: JsonObject;
  readonly #edit: Edit;
  #visits = 0;

  constructor(root: JsonObject, edit: Edit) {
    this.#root = root;
    this.#edit = edit;
  }

  editAt(schema: unknown, pattern: PointerPattern): JsonObject | undefined {
    this.#visits += 1;
    if (this.#visits > MAX_VISITS) return undefined;
    const [token, ...rest] = pattern;
    if (token === undefined) return this.#edit(schema);
    if (!isObject(schema)) return undefined;
    if (schema["$ref"] !== undefined) {
      const target = this.#inlined(schema);
      return target === undefined ? undefined : this.editAt(target, pattern);
    }
    const changes = {
      ...this.#editMembers(schema, token, rest),
      ...this.#editItems(schema, token, rest),
      ...this.#editUnions(schema, pattern),
    };
    return Object.keys(changes).length === 0 ? undefined : { ...schema, ...changes };
  }

  /**
   * Returns the target of a reference as a copy, so that an edit does not change its other uses.
   */
  #inlined(schema: JsonObject): JsonObject | undefined {
    const { $ref, ...siblings } = schema;
    if (typeof $ref !== "string" || !$ref.startsWith("#") || !isPointer($ref.slice(1))) {
      return undefined;
    }
    const target = valueAt(this.#root, parsePointer($ref.slice(1)))?.value;
    return isObject(target) ? { ...target, ...siblings } : undefined;
  }

  #editMembers(schema: JsonObject, token: string, rest: JsonPointer): JsonObject {
    const { properties, additionalProperties } = schema;
    const known = isObject(properties) ? properties : {};
    const names = Object.keys(known).filter((name) => token === ANY || token === name);
    const edited = this.#editEach(
      Object.fromEntries(names.map((name) => [name, known[name]])),
      rest,
    );
    const others = token === ANY ? this.editAtOnce(additionalProperties, rest) : undefined;
    return {
      ...(edited === undefined ? {} : { properties: { ...known, ...edited } }),
      ...(others === undefined ? {} : { additionalProperties: others }),
    };
  }

  #editItems(schema: JsonObject, token: string, rest: JsonPointer): JsonObject {
    const { items, prefixItems } = schema;
    if (token !== ANY) return {};
    const edited = this.editAtOnce(items, rest);
    const first = Array.isArray(prefixItems)
      ? prefixItems.map((item: unknown) => this.editAtOnce(item, rest) ?? item)
      : undefined;
    return {
      ...(edited === undefined ? {} : { items: edited }),
      ...(first === undefined ? {} : { prefixItems: first }),
    };
  }

  #editUnions(schema: JsonObject, pattern: PointerPattern): JsonObject {
    const edited = UNIONS.flatMap((union) => {
      const branches = schema[union];
      if (!Array.isArray(branches)) return [];
      const changed = branches.map((branch: unknown) => this.editAt(branch, pattern));
      if (changed.every((branch) => branch === undefined)) return [];
      return [[union, changed.map((branch, index) => branch ?? branches[index])] as const];
    });
    return Object.fromEntries(edited);
  }

  editAtOnce(schema: unknown, pattern: PointerPattern): JsonObject | undefined {
    return isObject(schema) ? this.editAt(schema, pattern) : undefined;
  }

  #editEach(schemas: JsonObject, pattern: PointerPattern): JsonObject | undefined {
    const edited = Object.entries(schemas).flatMap(([name, schema]) => {
      const changed = this.editAt(schema, pattern);
      return changed === undefined ? [] : [[name, changed] as const];
    });
    return edited.length === 0 ? undefined : Object.fromEntries(edited);
  }
}

/**
 * Returns the schema of an output in which places are sealed. The output may also be sealed whole,
 * if it does not have the shape that the rules expect.
 *
 * @returns `undefined` if the schema does not determine the sealed form. Omit the schema then.
 */
export function sealedSchema(
  schema: JsonObject,
  patterns: readonly PointerPattern[],
): JsonObject | undefined {
  if (patterns.some(({ length }) => length === 0)) return HANDLE_FORM_SCHEMA;
  if (!refersToDefinitionsOnly(schema)) return undefined;
  let edited: JsonObject | undefined = schema;
  for (const pattern of patterns) {
    edited =
      edited === undefined
        ? undefined
        : editSchemaAt(edited, pattern, (value) => ({ anyOf: [value, HANDLE_FORM_SCHEMA] }));
  }
  return edited === undefined ? undefined : orWholeHandle(edited);
}

/**
 * Returns a schema for the given value or a handle. Definitions stay at the root, because
 * references point there.
 */
function orWholeHandle(schema: JsonObject): JsonObject {
  const { $schema, $id, $defs, definitions, ...rest } = schema;
  const kept = Object.entries({ $schema, $id, $defs, definitions });
  return {
    ...Object.fromEntries(kept.filter(([, value]) => value !== undefined)),
    type: "object",
    anyOf: [rest, HANDLE_FORM_SCHEMA],
  };
}

const DEFINITION = /^#\/(?:\$defs|definitions)\//;

function refersToDefinitionsOnly(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(refersToDefinitionsOnly);
  if (!isObject(schema)) return true;
  return Object.entries(schema).every(([keyword, value]) =>
    REFERENCES.has(keyword) && typeof value === "string"
      ? DEFINITION.test(value)
      : refersToDefinitionsOnly(value),
  );
}

const REFERENCES: ReadonlySet<string> = new Set(["$ref", "$dynamicRef", "$recursiveRef"]);

/** Returns whether a keyword occurs anywhere in a schema. */
export function hasKeyword(schema: unknown, keyword: string): boolean {
  if (Array.isArray(schema)) return schema.some((item) => hasKeyword(item, keyword));
  if (!isObject(schema)) return false;
  return Object.entries(schema).some(
    ([name, value]) => name === keyword || hasKeyword(value, keyword),
  );
}

/**
 * Returns the part of a keyword's value that describes only the shape of data, or `undefined` if
 * there is none.
 */
type ShapeOfKeyword = (value: unknown, root: JsonObject) => unknown;

const SHAPES: ReadonlyMap<string, ShapeOfKeyword> = new Map<string, ShapeOfKeyword>([
  ["type", typesOf],
  ["properties", shapesByName],
  ["$defs", shapesByName],
  ["definitions", shapesByName],
  ["items", shapeWithin],
  ["additionalProperties", shapeWithin],
  ["prefixItems", shapesOf],
  ["anyOf", shapesOf],
  ["oneOf", shapesOf],
  ["allOf", shapesOf],
  ["$ref", knownReference],
]);
const TYPES: ReadonlySet<unknown> = new Set([
  "object",
  "array",
  "string",
  "number",
  "integer",
  "boolean",
  "null",
]);

/**
 * Returns the part of a schema that describes the shape of data, without texts, examples, defaults
 * and permitted values.
 */
export function shapeOf(schema: unknown): unknown {
  return shapeWithin(schema, isObject(schema) ? schema : {});
}

function shapeWithin(schema: unknown, root: JsonObject): unknown {
  if (!isObject(schema)) return typeof schema === "boolean" ? schema : {};
  const kept = Object.entries(schema).flatMap(([keyword, value]) => {
    const shape = SHAPES.get(keyword)?.(value, root);
    return shape === undefined ? [] : [[keyword, shape] as const];
  });
  return Object.fromEntries([...kept, ...requiredOf(schema)]);
}

/** Returns only the names that `properties` already shows. */
function requiredOf({ required, properties }: JsonObject): [string, unknown][] {
  if (!Array.isArray(required) || !isObject(properties)) return [];
  const known = required.filter(
    (name) => typeof name === "string" && Object.hasOwn(properties, name),
  );
  return [["required", known]];
}

const LOCAL = /^#\/(\$defs|definitions)\/([^/]+)$/;

/**
 * Returns a reference only if its definition exists. Any other reference could contain text of the
 * server.
 */
function knownReference($ref: unknown, root: JsonObject): unknown {
  if ($ref === "#") return $ref;
  const [, keyword = "", name = ""] = (typeof $ref === "string" && LOCAL.exec($ref)) || [];
  const definitions = root[keyword];
  return isObject(definitions) && Object.hasOwn(definitions, name) ? $ref : undefined;
}

function shapesOf(schemas: unknown, root: JsonObject): unknown {
  return Array.isArray(schemas) ? schemas.map((schema) => shapeWithin(schema, root)) : undefined;
}

function shapesByName(schemas: unknown, root: JsonObject): unknown {
  if (!isObject(schemas)) return undefined;
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, shapeWithin(schema, root)]),
  );
}

function typesOf(type: unknown): unknown {
  if (Array.isArray(type)) return type.filter((one) => TYPES.has(one));
  return TYPES.has(type) ? type : undefined;
}
