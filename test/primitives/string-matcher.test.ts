import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StringMatcher } from "../../src/primitives/string-matcher.js";

interface Match {
  readonly pattern: string;
  readonly end: number;
}

function matcherOf(patterns: readonly string[]): StringMatcher {
  const matcher = new StringMatcher();
  for (const pattern of patterns) matcher.add(pattern);
  return matcher;
}

/** Returns the result of a naive search: at each position the longest pattern that ends there. */
function longestByHand(patterns: readonly string[], text: string): Match[] {
  const longestFirst = patterns.toSorted((one, other) => other.length - one.length);
  return Array.from({ length: text.length }, (_, at) => at + 1).flatMap((end) => {
    const pattern = longestFirst.find((one) => text.slice(0, end).endsWith(one));
    return pattern === undefined ? [] : [{ pattern, end }];
  });
}

const few = fc.string({
  unit: fc.constantFrom("a", "b", "\ud83d", "é"),
  minLength: 1,
  maxLength: 6,
});
const patterns = fc.uniqueArray(few, { minLength: 1, maxLength: 12 });
const text = fc.string({ unit: fc.constantFrom("a", "b", "\ud83d", "é"), maxLength: 60 });

describe("a string matcher", () => {
  it("finds at every position the longest pattern that ends there", async () => {
    await fc.assert(
      fc.property(patterns, text, (given, within) => {
        const found: Match[] = [];
        matcherOf(given).match(within, (number, end) => {
          found.push({ pattern: given[number] ?? "", end });
          return true;
        });
        expect(found).toEqual(longestByHand(given, within));
      }),
    );
  });

  it("reports the next shorter pattern if one is rejected", async () => {
    await fc.assert(
      fc.property(patterns, text, (given, within) => {
        const found = new Set<string>();
        matcherOf(given).match(within, (number, end) => {
          found.add(`${given[number]} ${end}`);
          return false;
        });
        const all = given.flatMap((pattern) =>
          Array.from({ length: within.length }, (_, at) => at + 1)
            .filter((end) => within.slice(0, end).endsWith(pattern))
            .map((end) => `${pattern} ${end}`),
        );
        expect(found).toEqual(new Set(all));
      }),
    );
  });

  it("reports which prefix of a pattern ends at a position", async () => {
    await fc.assert(
      fc.property(patterns, text, (given, within) => {
        const matcher = matcherOf(given);
        matcher.match(
          within,
          () => true,
          (number, depth, end) => {
            const beginning = within.slice(end - depth, end);
            expect(given[number]?.startsWith(beginning)).toBe(true);
          },
        );
      }),
    );
  });

  it("gives equal patterns one number, and accepts more patterns after a search", () => {
    const matcher = matcherOf(["abc", "abd"]);
    expect(matcher.add("abc")).toBe(0);
    expect(matcher.stateCount).toBe(5);
    const found: number[] = [];
    matcher.match("xabe", (number) => found.push(number) > 0);
    expect(matcher.add("abe")).toBe(2);
    matcher.match("xabe", (number) => found.push(number) > 0);
    expect(found).toEqual([2]);
    expect(matcher.patternCount).toBe(3);
  });

  it("has no more states than its patterns have units, and one report for each unit of a text", () => {
    const given = Array.from({ length: 400 }, (_, length) => "a".repeat(6 + length));
    const matcher = matcherOf(given);
    expect(matcher.stateCount).toBe(1 + 405);
    let reports = 0;
    matcher.match("a".repeat(10_000), () => {
      reports += 1;
      return true;
    });
    expect(reports).toBe(10_000 - 5);
  });
});
