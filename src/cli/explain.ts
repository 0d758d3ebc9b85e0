/**
 * Lists which parts of a recorded result a policy would seal: places, rules and safe views, never a value.
 */
import { HandleVault } from "../handle-vault.js";
import { surveyTools } from "../mcp/filter/tool-survey.js";
import type { AgentPolicy } from "../mcp/policy/policy.js";
import {
  type HydratingRule,
  isSealing,
  type SealingRule,
  type SealingTerms,
  type ToolRules,
} from "../mcp/policy/policy-rules.js";
import { isToolName } from "../mcp/policy/principals.js";
import { nearName } from "../mcp/policy/unknown-names.js";
import { isObject, type JsonObject } from "../mcp/protocol/messages.js";
import { type PlaceToSeal, planSealing, type SealingPlan } from "../mcp/values/sealed-value.js";
import { toolValue } from "../mcp/values/tool-result.js";
import { formatPointer } from "../primitives/json-pointer.js";
import { usageError } from "./command-error.js";

/** A recorded tool result: `{ "tool": name, "result": { "content": … } }`. */
export interface RecordedResult {
  readonly tool: string;
  readonly result: JsonObject;
  /** The tools that the server listed, if the recording includes them. */
  readonly tools?: readonly unknown[] | undefined;
}

/** @throws CommandError The text is not a recorded result. */
export function parseRecordedResult(text: string): RecordedResult {
  const { tool, result, tools } = parsedObject(text);
  if (!isToolName(tool) || !isObject(result)) {
    throw usageError('a recorded result must be { "tool": name, "result": { … } }');
  }
  return { tool, result, tools: Array.isArray(tools) ? tools : undefined };
}

function parsedObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    throw usageError("the recorded result is not JSON");
  }
}

const FALLBACK = "a place that a rule needs is missing, or there are too many: sealed as a whole";

/** Returns the lines that explain what the proxy would do with a result. */
export async function explain(
  { tool, result, tools }: RecordedResult,
  policy: AgentPolicy,
  server: string,
): Promise<readonly string[]> {
  const rules = policy.rulesOf({ server, tool });
  const lines = [
    ...(await outcome(result, rules, policy)),
    ...rules.hydrating.map(hydratingLine),
    ...nearLines(tool, policy, server),
    ...(await namesLines(tools, policy, server)),
  ];
  return [`${server}/${tool}`, ...lines].map((line, index) => (index === 0 ? line : `  ${line}`));
}

async function outcome(
  result: JsonObject,
  rules: ToolRules,
  policy: AgentPolicy,
): Promise<readonly string[]> {
  if (rules.handling === "pass") return ["passes as it is: no rule names the tool"];
  if (rules.handling === "refuse") return ["is never called: no rule names the tool"];
  if (result["isError"] === true && rules.errors !== "pass") return [errorLine(rules)];
  const given = toolValue(result);
  if (!isSealing(rules)) return ["stays in sight"];
  const plan = await planSealing(given, rules);
  const sealed = await Promise.all([...byRule(plan.places)].map(sealedLine));
  const absent = rules.sealing.filter((rule) => plan.places.every(({ terms }) => terms !== rule));
  return [
    ...(isFallback(plan, rules) ? [FALLBACK] : []),
    ...sealed,
    ...(isFallback(plan, rules) ? [] : absent.map(absentLine)),
    ...(given.beside.length === 0
      ? []
      : ["images, sounds, resources and links: sealed for the owner"]),
    inSightLine(plan),
    ...(policy.texts === "fixed" ? ["texts of the server: replaced"] : []),
  ];
}

/** A tool without rules may have rules under a misspelt name, so similar names are listed. */
function nearLines(tool: string, policy: AgentPolicy, server: string): readonly string[] {
  const listed = policy.toolsOf(server);
  const near = listed.includes(tool) ? undefined : nearName(tool, listed);
  return near === undefined
    ? []
    : [`warning: there are rules for ${server}/${near}: was it meant?`];
}

/** Compares the names in the policy with the tools that the server listed. */
async function namesLines(
  tools: readonly unknown[] | undefined,
  policy: AgentPolicy,
  server: string,
): Promise<readonly string[]> {
  if (tools === undefined) return [];
  const survey = await surveyTools({ policy, server, ask: async () => ({ tools }) });
  const refused = survey.problems.map((problem) => `refused at the start: ${problem}`);
  return [...refused, ...survey.warnings.map((warning) => `warning: ${warning}`)];
}

function hydratingLine({ at, isInside, format, leftover }: HydratingRule): string {
  const where = isInside ? `, also inside ${format ?? "JSON or text"}` : "";
  const left = leftover === "pass" ? "passes as text" : "refuses the call";
  return `argument ${formatPointer(at)}: handles are opened${where}; one that is left over ${left}`;
}

function absentLine({ at }: SealingRule): string {
  return `warning: ${pointerText(at)} is not in this result`;
}

function errorLine({ errors }: ToolRules): string {
  return errors === "fixed"
    ? "an error: replaced by a fixed text"
    : "an error: sealed for the owner";
}

function isFallback({ places, show }: SealingPlan, { rest }: ToolRules): boolean {
  return show === undefined && places.some(({ terms }) => terms === rest);
}

/**
 * Groups the places by rule: a wildcard matches member names that come from the payload, which must not be
 * printed.
 */
function byRule(places: readonly PlaceToSeal[]): Map<SealingTerms, readonly unknown[]> {
  const values = new Map<SealingTerms, unknown[]>();
  for (const { terms, value } of places) {
    const others = values.get(terms);
    if (others === undefined) values.set(terms, [value]);
    else others.push(value);
  }
  return values;
}

async function sealedLine([terms, values]: [SealingTerms, readonly unknown[]]): Promise<string> {
  const [first] = values;
  const { at = [] } = terms as Partial<SealingRule>;
  const count = values.length === 1 ? "" : ` (${values.length} places)`;
  return `${pointerText(at)}${count}: ${await sealingOf(first, terms)}`;
}

/** Seals a value as the proxy would, into a temporary vault that is not shared. */
async function sealingOf(value: unknown, terms: SealingTerms): Promise<string> {
  const vault = new HandleVault();
  try {
    const view = await terms.safeView(value);
    const { safeView } = await vault.seal(value, { ownerPrincipal: "explain", ...view });
    return `sealed, safe view ${JSON.stringify(safeView)}, ${termsOf(terms)}`;
  } catch {
    return "cannot be sealed, so the result is withheld";
  } finally {
    await vault.close();
  }
}

function termsOf({ grants, ttlSeconds, maxUses }: SealingTerms): string {
  const tools = grants.map(({ server, tool }) => `${server}/${tool}`);
  const granted = tools.length === 0 ? "for the owner alone" : `for ${tools.join(", ")}`;
  const uses = maxUses === undefined ? "" : `, ${maxUses} uses`;
  return `${granted}, ${ttlSeconds} s${uses}`;
}

function inSightLine({ places, show }: SealingPlan): string {
  if (show !== undefined) return `in sight: ${show.map(pointerText).join(", ") || "nothing"}`;
  const isWhole = places.some(({ at }) => at.length === 0);
  return isWhole ? "in sight: nothing" : "in sight: all else";
}

function pointerText(pointer: readonly string[]): string {
  return pointer.length === 0 ? "the whole result" : formatPointer(pointer);
}
