/** Safe views: the texts about sealed values that a model may see. */
import { schemaSummarizer } from "../../summarizers/schema.js";
import type { MaybePromise } from "../../vault/contracts.js";
import type { Summarizer } from "../../vault/safe-view.js";
import type { SafeViewChoice, SealTerms } from "../../vault/vault.js";

/** Returns a value's safe view. */
export type SafeViewFunction = (value: unknown) => MaybePromise<string>;

/** The source of a rule's safe views: one text for all values, a summarizer, or a function. */
export type SafeViewRule =
  | { readonly fixed: string }
  | { readonly summarizer: Summarizer }
  | SafeViewFunction;

/** The options of a seal that concern the safe view. */
export type SafeViewOptions = SafeViewChoice & Pick<SealTerms, "leakGuard">;

/** Returns the options for a value's safe view. */
export type SafeViewWriter = (value: unknown) => MaybePromise<SafeViewOptions>;

/**
 * Returns a writer of safe views for a rule. Without a rule, a safe view describes the value's
 * shape.
 */
export function safeViewWriter(rule: SafeViewRule | undefined): SafeViewWriter {
  if (rule === undefined) return () => ({ summarizer: schemaSummarizer() });
  if (typeof rule === "function") return async (value) => ({ safeView: await rule(value) });
  return "fixed" in rule ? () => constantView(rule.fixed) : () => ({ summarizer: rule.summarizer });
}

/**
 * Returns the options for a fixed safe view. The text does not depend on the value, so it is not
 * searched for parts of the value.
 */
export function constantView(safeView: string): SafeViewOptions {
  return { safeView, leakGuard: "off" };
}

/** Throws unless `rule` is a valid rule for safe views. */
export function checkSafeViewRule(rule: unknown, where: string): asserts rule is SafeViewRule {
  if (typeof rule === "function") return;
  const { fixed, summarizer } = (rule ?? {}) as { fixed?: unknown; summarizer?: unknown };
  if ((fixed === undefined) === (summarizer === undefined)) {
    throw new TypeError(`${where} must be { fixed }, { summarizer } or a function`);
  }
  if (fixed !== undefined && typeof fixed !== "string") {
    throw new TypeError(`${where}.fixed must be a string`);
  }
  const { summarize } = (summarizer ?? {}) as { summarize?: unknown };
  if (summarizer !== undefined && typeof summarize !== "function") {
    throw new TypeError(`${where}.summarizer must have a method summarize()`);
  }
}
