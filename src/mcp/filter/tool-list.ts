/** Rewrites the descriptions in `tools/list` for tools that seal results and open handles. */
import { formatPointer } from "../../primitives/json-pointer.js";
import type { AgentPolicy } from "../policy/policy.js";
import { isSealing, type ToolRules, termsOf } from "../policy/policy-rules.js";
import { isToolName } from "../policy/principals.js";
import { missingPlace } from "../policy/schema-places.js";
import { meantPlace, unknownPlace } from "../policy/unknown-names.js";
import { HANDLES_ACCEPTED } from "../protocol/fixed-texts.js";
import { isObject, type JsonObject } from "../protocol/messages.js";
import { HANDLE_INPUT_SCHEMA } from "../values/handle-form.js";
import { editSchemaAt, hasKeyword, sealedSchema, shapeOf } from "../values/handle-schemas.js";

/** The tools of a server, in the form that a client may see. */
export interface ToolList {
  readonly tools: readonly JsonObject[];
  /**
   * The reason for each tool that does not match its rules. Such a tool is neither listed nor
   * called.
   */
  readonly refused: ReadonlyMap<string, string>;
}

/** Returns a server's tools in the form that a client may see. */
export function rewriteTools(tools: unknown, policy: AgentPolicy, server: string): ToolList {
  const listed: JsonObject[] = [];
  const refused = new Map<string, string>();
  for (const tool of Array.isArray(tools) ? tools : []) {
    if (!isObject(tool)) continue;
    const name = String(tool["name"]);
    const rules = policy.rulesOf({ server, tool: name });
    if (rules.handling === "pass") listed.push(tool);
    if (rules.handling !== "rules" || !isToolName(tool["name"])) continue;
    const isStrict = policy.unknownNames === "refuse";
    const problem = problemOf(tool, rules) ?? (isStrict ? unknownPlace(tool, rules) : undefined);
    if (problem !== undefined) refused.set(name, problem);
    else listed.push(rewriteTool(tool, rules, server));
  }
  return { tools: listed, refused };
}

/**
 * Returns the reason why a tool cannot open handles at the places of its rules, or `undefined` if
 * it can.
 */
export function problemOf(tool: JsonObject, { hydrating }: ToolRules): string | undefined {
  const schema = isObject(tool["inputSchema"]) ? tool["inputSchema"] : {};
  for (const { at } of hydrating) {
    if (isInHeader(schema, at[0])) {
      return `${formatPointer(at)} travels in a header, where no handle is opened`;
    }
    if (editSchemaAt(schema, at, () => ({})) === undefined) {
      const missing = missingPlace(schema, at);
      const meant = missing === undefined ? "" : meantPlace(missing);
      return `${formatPointer(at)} cannot be found in its input schema${meant}`;
    }
  }
  return undefined;
}

const HEADER = "x-mcp-header";

/**
 * Returns whether an argument is sent in an HTTP header. The keyword may be in a definition that
 * the argument refers to, so any definition with it counts.
 */
function isInHeader(schema: JsonObject, argument: string | undefined): boolean {
  const { properties } = schema;
  const known =
    isObject(properties) && argument !== undefined && Object.hasOwn(properties, argument);
  const own = known ? (properties as JsonObject)[argument] : schema;
  if (hasKeyword(own, HEADER)) return true;
  const definitions = [schema["$defs"], schema["definitions"]];
  return hasKeyword(own, "$ref") && hasKeyword(definitions, HEADER);
}

/** Returns a tool in the form that a client may see. */
export function rewriteTool(tool: JsonObject, rules: ToolRules, server: string): JsonObject {
  const outputSchema = rewriteOutput(tool["outputSchema"], rules);
  return {
    name: tool["name"],
    ...(rules.texts === "pass" && typeof tool["title"] === "string"
      ? { title: tool["title"] }
      : {}),
    description: describe(tool, rules, server),
    inputSchema: rewriteInput(tool["inputSchema"], rules),
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...annotationsOf(tool),
  };
}

function describe(tool: JsonObject, rules: ToolRules, server: string): string {
  const given = rules.texts === "pass" ? tool["description"] : undefined;
  const own = rules.description ?? (typeof given === "string" ? given : undefined);
  const sentences = [own ?? `A tool of the server ${server}.`];
  if (rules.hydrating.length > 0) sentences.push(HANDLES_ACCEPTED);
  if (isSealing(rules)) sentences.push(lifetimeOf(rules));
  return sentences.join(" ");
}

function lifetimeOf(rules: ToolRules): string {
  const seconds = Math.min(...termsOf(rules).map(({ ttlSeconds }) => ttlSeconds));
  return `Handles in its result stand for values that are kept back; they last ${seconds} seconds.`;
}

function inSight(schema: unknown, { texts }: ToolRules): JsonObject {
  const shown = texts === "pass" ? schema : shapeOf(schema);
  return isObject(shown) ? shown : {};
}

function rewriteInput(schema: unknown, rules: ToolRules): JsonObject {
  return rules.hydrating.reduce(
    (edited, { at }) =>
      editSchemaAt(edited, at, (original) => ({ anyOf: [original, HANDLE_INPUT_SCHEMA] })) ??
      edited,
    { type: "object", ...inSight(schema, rules) } as JsonObject,
  );
}

/**
 * Returns the schema of the output, or `undefined` if a handle may replace any part of it: a
 * repeated value or a part that a detector finds. No schema can describe such an output.
 */
function rewriteOutput(schema: unknown, rules: ToolRules): JsonObject | undefined {
  if (!isObject(schema) || rules.show !== undefined) return undefined;
  const isWhole = rules.sealing.some(({ at }) => at.length === 0);
  const isAnywhere = rules.hydrating.length + rules.detecting.length > 0;
  if (!isWhole && isAnywhere) return undefined;
  const seen = inSight(schema, rules);
  if (!isSealing(rules)) return seen;
  return sealedSchema(
    seen,
    rules.sealing.map(({ at }) => at),
  );
}

const HINTS = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] as const;

function annotationsOf(tool: JsonObject): JsonObject {
  const given = isObject(tool["annotations"]) ? tool["annotations"] : {};
  const hints = HINTS.filter((hint) => typeof given[hint] === "boolean");
  if (hints.length === 0) return {};
  return { annotations: Object.fromEntries(hints.map((hint) => [hint, given[hint]])) };
}
