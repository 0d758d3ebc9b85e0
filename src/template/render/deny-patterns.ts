/** A validator that rejects hydrated text with forbidden patterns. */
import { lazily, loadPeer } from "../../load-peer.js";
import { checkInteger, checkOptions } from "../../vault/checks.js";
import type { OutputValidator } from "./validators.js";

/** The part of the optional package re2js that is used here. */
interface Re2js {
  readonly RE2JS: { compile(pattern: string): Pattern };
}
interface Pattern {
  test(text: string): boolean;
}

/** Options of {@link denyPatterns}. */
export interface DenyPatternsOptions {
  /**
   * The maximum length of an output, in characters. Longer outputs are rejected without a search. Default
   * 1,048,576.
   */
  readonly maxLength?: number | undefined;
}

const DEFAULT_MAX_LENGTH = 1024 * 1024;

/**
 * Returns a rule that rejects outputs that match one of the patterns.
 *
 * Patterns have the syntax of RE2 (`(?i)` ignores case; there are no back-references), so that matching takes
 * time linear in the output for every pattern. This requires the optional package `re2js`, which is loaded
 * when the first output is checked. The rule cannot be used with streams, because a match may begin in text
 * that was already sent.
 *
 * @throws TypeError A pattern is not a string. From `hydrate`: RE2 does not accept a pattern.
 *
 *
 * @example
 * ```ts
 * const noCardNumbers = denyPatterns(["\\b\\d{4}[ -]?\\d{4}[ -]?\\d{4}[ -]?\\d{4}\\b"]);
 * ```
 */
export function denyPatterns(
  patterns: readonly string[],
  options: DenyPatternsOptions = {},
): OutputValidator {
  checkOptions(options, "options", new Set(["maxLength"]));
  const { maxLength = DEFAULT_MAX_LENGTH } = options;
  checkInteger(maxLength, "maxLength", { min: 0, max: Number.MAX_SAFE_INTEGER });
  const sources = checkPatterns(patterns);
  const compiled = lazily("denyPatterns", async () => {
    const { RE2JS } = await loadPeer<Re2js>("re2js", () => import("re2js"));
    return sources.map((source, index) => compile(RE2JS, source, index));
  });
  return {
    rule: "pattern",
    async accepts(output) {
      await compiled.ready();
      return output.length <= maxLength && !compiled.get().some((found) => found.test(output));
    },
  };
}

function checkPatterns(patterns: readonly string[]): readonly string[] {
  if (!Array.isArray(patterns)) throw new TypeError("patterns must be an array of strings");
  const given: unknown[] = [...patterns];
  for (const [index, pattern] of given.entries()) {
    if (typeof pattern !== "string") throw new TypeError(`patterns[${index}] must be a string`);
  }
  return given as string[];
}

function compile(engine: Re2js["RE2JS"], source: string, index: number): Pattern {
  try {
    return engine.compile(source);
  } catch {
    throw new TypeError(`patterns[${index}] must be a pattern that RE2 accepts`);
  }
}
