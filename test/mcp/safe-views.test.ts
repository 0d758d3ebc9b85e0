import { describe, expect, it } from "vitest";
import { type SafeViewRule, safeViewWriter } from "../../src/mcp/safe-views.js";

const SECRET = "canary 7f3a91";

async function viewOf(value: unknown, rule?: SafeViewRule): Promise<unknown> {
  return (await safeViewWriter(rule)(value)).safeView;
}

describe("a safe view", () => {
  it.each([
    [SECRET, "a text"],
    [{ [SECRET]: SECRET }, "a record"],
    [[SECRET, SECRET], "a list"],
    [4_111_111_111, "a number"],
    [true, "yes or no"],
    [null, "nothing"],
    [undefined, "a value"],
  ])(
    "tells the kind of a value where no rule is, and nothing that is in it: %j",
    async (value, view) => {
      expect(await viewOf(value)).toBe(view);
    },
  );

  it("is one text for all values, the summary of a summarizer, or what a function returns", async () => {
    expect(await viewOf(SECRET, { fixed: "a patient" })).toBe("a patient");
    const summarizer = {
      summarize: async (value: unknown) => ({ toString: () => `${typeof value}` }),
    };
    expect(await viewOf(SECRET, { summarizer })).toBe("string");
    expect(await viewOf([1, 2], (value) => `${(value as unknown[]).length} rows`)).toBe("2 rows");
  });
});
