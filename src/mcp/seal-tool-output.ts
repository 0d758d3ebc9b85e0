/** Seals what a tool returned, before a model sees it. */
import { Echoes, EchoLimitError } from "./echoes.js";
import {
  ERROR_SAFE_VIEW,
  ERROR_WITHHELD,
  OUTPUT_TOO_LARGE,
  OUTPUT_WITHHELD,
} from "./fixed-texts.js";
import { takesLinks } from "./handle-links.js";
import type { JsonObject } from "./messages.js";
import { isSealing, type SealingTerms, type ToolRules } from "./policy-rules.js";
import { constantView } from "./safe-views.js";
import { sealPlaces } from "./seal-places.js";
import { planSealing, withHandles } from "./sealed-value.js";
import { sealedResult, type ToolResult, toolError, toolValue } from "./tool-result.js";
import { checkScope, type ToolScope } from "./tool-scope.js";
import { distrustVault } from "./vault-probe.js";
import { watchedContent } from "./watched-content.js";
import { withheldText } from "./withheld.js";

/** A call whose output is to be sealed. */
export interface SealScope extends ToolScope {
  /** What `hydrateArguments` opened for the call. */
  readonly echoes?: Echoes | undefined;
  /** The protocol revision that the client speaks: without one, no links are given. */
  readonly revision?: unknown;
  /** Hears why an output is withheld: the tool and a cause, never a value. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * Returns a tool's result as a model may see it: handles where the policy seals, and all texts made
 * anew from what is left.
 *
 * What cannot be sealed is withheld: the result is then a tool error that says not to run the tool
 * again. An error that the tool reported is sealed or replaced, as the policy says.
 *
 * @param result - The `CallToolResult` of any protocol revision.
 * @throws TypeError The subject is no text a principal can hold.
 *
 * @example
 * ```ts
 * const scope = { vault, policy, server: "patients", tool: "lookup", subject: "alice" };
 * const result = await sealToolOutput(await lookup(args), scope);
 * ```
 */
export async function sealToolOutput(result: JsonObject, scope: SealScope): Promise<ToolResult> {
  checkScope(scope);
  const rules = scope.policy.rulesOf(scope);
  if (rules.handling === "pass") return result as ToolResult;
  if (rules.handling === "refuse") return toolError(OUTPUT_WITHHELD);
  const { echoes = NO_ECHOES } = scope;
  try {
    return await seal(asData(result), { ...scope, rules, echoes });
  } catch (error) {
    scope.onWarning?.(withheldText(`The output of ${scope.server}/${scope.tool}`, error));
    if (error instanceof EchoLimitError) return toolError(OUTPUT_TOO_LARGE);
    distrustVault(scope.vault);
    return toolError(result["isError"] === true ? ERROR_WITHHELD : OUTPUT_WITHHELD);
  }
}

const NO_ECHOES = new Echoes([]);

type RuledScope = SealScope & { readonly rules: ToolRules; readonly echoes: Echoes };

async function seal(result: JsonObject, scope: RuledScope): Promise<ToolResult> {
  const { rules } = scope;
  if (result["isError"] === true && rules.errors !== "pass") return sealError(result, scope);
  if (!isSealing(rules)) return inSight(result, scope.echoes);
  return sealValue(result, scope);
}

async function sealValue(result: JsonObject, scope: RuledScope): Promise<ToolResult> {
  const given = toolValue(result);
  const { value, isStructured, beside } = given;
  const { places, show } = await planSealing(given, scope.rules);
  const extra = { at: ["beside"], terms: scope.rules.rest, value: beside };
  const all = beside.length === 0 ? places : [...places, extra];
  const sealed = await sealPlaces(all, scope);
  const inPlace = sealed.slice(0, places.length);
  return sealedResult({
    value: withHandles(value, { sealed: inPlace, show, echoes: scope.echoes }),
    isStructured,
    forms: inPlace.map(({ form }) => form),
    beside: sealed[places.length]?.form,
    isError: false,
    hasLinks: hasLinks(scope),
  });
}

/** An error that is sealed goes to the owner alone: what a tool grants is its results. */
async function sealError(result: JsonObject, scope: RuledScope): Promise<ToolResult> {
  if (scope.rules.errors === "fixed") return toolError(ERROR_WITHHELD);
  const terms: SealingTerms = {
    ...scope.policy.unlistedTerms,
    name: "errors",
    safeView: () => constantView(ERROR_SAFE_VIEW),
  };
  const { value } = toolValue({ content: result["content"] });
  const [sealed] = await sealPlaces([{ at: [], terms, value }], scope);
  if (sealed === undefined) return toolError(ERROR_WITHHELD);
  const { form } = sealed;
  return sealedResult({
    value: form,
    isStructured: false,
    forms: [form],
    isError: true,
    hasLinks: hasLinks(scope),
  });
}

function hasLinks({ policy, revision }: SealScope): boolean {
  return policy.resourceLinks && takesLinks(revision);
}

/** Only what a tool result consists of: members that no rule knows stay behind. */
function inSight(result: JsonObject, echoes: Echoes): ToolResult {
  const { content, structuredContent, isError } = result as ToolResult;
  return {
    content: Array.isArray(content) ? watchedContent(content, echoes) : [],
    ...(structuredContent === undefined
      ? {}
      : { structuredContent: echoes.suppressIn(structuredContent) }),
    ...(isError === true ? { isError } : {}),
  };
}

/** Returns the result as it would be sent: data that nobody changes any more. */
function asData(result: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(result)) as JsonObject;
}
