/** Seals a tool's output before a model sees it. */

import { isSealing, type SealingTerms, type ToolRules } from "../policy/policy-rules.js";
import { constantView } from "../policy/safe-views.js";
import {
  ERROR_SAFE_VIEW,
  ERROR_WITHHELD,
  OUTPUT_TOO_LARGE,
  OUTPUT_WITHHELD,
} from "../protocol/fixed-texts.js";
import type { JsonObject } from "../protocol/messages.js";
import { Echoes, EchoLimitError } from "./echoes.js";
import { takesLinks } from "./handle-links.js";
import { sealPlaces } from "./seal-places.js";
import { planSealing, withHandles } from "./sealed-value.js";
import { sealedResult, type ToolResult, toolError, toolValue } from "./tool-result.js";
import { checkScope, type ToolScope } from "./tool-scope.js";
import { distrustVault } from "./vault-probe.js";
import { watchedContent } from "./watched-content.js";
import { withheldText } from "./withheld.js";

/** The scope of a call whose output is sealed. */
export interface SealScope extends ToolScope {
  /** The values that `hydrateArguments` opened for the call. */
  readonly echoes?: Echoes | undefined;
  /** The client's protocol revision. Without it, results contain no links. */
  readonly revision?: unknown;
  /** Receives the reason when an output is withheld: the tool and the cause, without values. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * Returns a tool's result in the form that a model may see: the policy's places contain handles,
 * and all texts are generated from the remaining data.
 *
 * If sealing fails, the output is withheld: the result is then a tool error that says not to run
 * the tool again. An error from the tool is sealed or replaced, according to the policy.
 *
 * @param result - A `CallToolResult` of any protocol revision.
 * @throws TypeError The subject is not a text that a principal can contain.
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

/**
 * Seals an error for the owner only. The grants of a tool apply to its results, not to its errors.
 */
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

/** Returns the known members of a tool result. Others are dropped, because no rule covers them. */
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

/**
 * Returns a copy of the result in the form in which it would be sent, so that later changes to the
 * original have no effect.
 */
function asData(result: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(result)) as JsonObject;
}
