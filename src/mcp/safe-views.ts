/** What a model may know of a sealed value. */
import { schemaSummarizer } from "../summarizers/schema.js";
import type { MaybePromise } from "../vault/contracts.js";
import type { Summarizer } from "../vault/safe-view.js";
import type { SealOptions } from "../vault/vault.js";

/** Returns a value's safe view. */
export type SafeViewFunction = (value: unknown) => MaybePromise<string>;

/** How a rule makes safe views: one text for all values, a summarizer, or a function. */
export type SafeViewRule =
  | { readonly fixed: string }
  | { readonly summarizer: Summarizer }
  | SafeViewFunction;

/** What a seal is told of the safe view. */
export type SafeViewOptions = Pick<SealOptions, "safeView" | "summarizer" | "leakGuard">;

/** Writes what anybody may know of a value. */
export type SafeViewWriter = (value: unknown) => MaybePromise<SafeViewOptions>;

/** Returns what writes safe views by a rule; without a rule, they tell the shape of a value. */
export function safeViewWriter(rule: SafeViewRule | undefined): SafeViewWriter {
  if (rule === undefined) return () => ({ summarizer: schemaSummarizer() });
  if (typeof rule === "function") return async (value) => ({ safeView: await rule(value) });
  return "fixed" in rule ? () => constantView(rule.fixed) : () => ({ summarizer: rule.summarizer });
}

/** A text that does not depend on the value tells nothing of it, whatever the two have in common. */
export function constantView(safeView: string): SafeViewOptions {
  return { safeView, leakGuard: "off" };
}

/** Throws unless `rule` can make safe views. */
export function checkSafeViewRule(rule: unknown, where: string): void {
  if (rule === undefined || typeof rule === "function") return;
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
