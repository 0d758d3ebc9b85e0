/** What a model may know of a sealed value. */
import type { MaybePromise } from "../vault/contracts.js";
import type { SealOptions } from "../vault/vault.js";

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

/** What a seal is told of the safe view. */
export type SafeViewOptions = Pick<SealOptions, "safeView">;

/** Writes what anybody may know of a value. */
export type SafeViewWriter = (value: unknown) => MaybePromise<SafeViewOptions>;

/** Returns what writes safe views by a rule; without a rule, they tell the kind of a value only. */
export function safeViewWriter(rule: SafeViewRule | undefined): SafeViewWriter {
  if (rule === undefined) return (value) => constantView(describeKind(value));
  if (typeof rule === "function") return async (value) => ({ safeView: await rule(value) });
  if ("fixed" in rule) return () => constantView(rule.fixed);
  return async (value) => ({ safeView: String(await rule.summarizer.summarize(value)) });
}

/** A text that does not depend on the value tells nothing of it. */
export function constantView(safeView: string): SafeViewOptions {
  return { safeView };
}

/** Tells what kind of thing a value is, and nothing that is in it. */
function describeKind(value: unknown): string {
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
