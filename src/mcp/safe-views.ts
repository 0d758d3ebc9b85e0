/** What a model may know of a sealed value. */
import type { MaybePromise } from "../vault/contracts.js";

/** Returns a value's safe view. */
export type SafeViewFunction = (value: unknown) => MaybePromise<string>;

/** Something that describes values without giving them away. */
export interface ValueSummarizer {
  /** Returns a description; what counts is its text. */
  summarize(value: unknown): MaybePromise<unknown>;
}

/** How a rule makes safe views: one text for all values, a summarizer, or a function. */
export type SafeViewRule =
  | { readonly fixed: string }
  | { readonly summarizer: ValueSummarizer }
  | SafeViewFunction;

/** Returns the function behind a rule; without a rule, safe views tell the kind of a value only. */
export function safeViewFunction(rule: SafeViewRule | undefined): SafeViewFunction {
  if (rule === undefined) return describeKind;
  if (typeof rule === "function") return rule;
  if ("fixed" in rule) return () => rule.fixed;
  return async (value) => String(await rule.summarizer.summarize(value));
}

/** Tells what kind of thing a value is, and nothing that is in it. */
export function describeKind(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return KINDS.get(typeof value) ?? "a value";
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ["object", "a record"],
  ["string", "a text"],
  ["number", "a number"],
  ["boolean", "yes or no"],
]);

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
