import { describe, expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { type SafeViewRule, safeViewWriter } from "../../../src/mcp/policy/safe-views.js";

const SECRET = "canary 7f3a91";

/** Returns the safe view of a value that is sealed by a rule. */
async function viewOf(value: unknown, rule?: SafeViewRule): Promise<string> {
  const options = await safeViewWriter(rule)(value);
  const handle = await new HandleVault().seal(value, { ...options, ownerPrincipal: "owner" });
  return handle.safeView;
}

describe("a safe view", () => {
  it.each([SECRET, { [SECRET]: SECRET }, [SECRET, SECRET], [{ name: SECRET }], 4_111_111_111])(
    "shows only the shape of a value where there is no rule: %j",
    async (value) => {
      const view = await viewOf(value);
      expect(view).not.toBe("");
      expect(view).not.toMatch(/canary|7f3a91|4111111111/);
    },
  );

  it("is one text for all values, the summary of a summarizer, or the result of a function", async () => {
    expect(await viewOf(SECRET, { fixed: "a patient" })).toBe("a patient");
    const summarizer = { summarize: async (value: unknown) => typeof value };
    expect(await viewOf(SECRET, { summarizer })).toBe("string");
    expect(await viewOf([1, 2], (value) => `${(value as unknown[]).length} rows`)).toBe("2 rows");
  });

  it("that is one text for all values may equal the sealed text by chance", async () => {
    expect(await viewOf("one patient record", { fixed: "one patient record" })).toBe(
      "one patient record",
    );
  });

  it("from a function or summarizer may not reveal a value", async () => {
    await expect(viewOf(SECRET, (value) => `it is ${value}`)).rejects.toThrow("safe view");
    const summarizer = { summarize: (value: unknown) => String(value) };
    await expect(viewOf(SECRET, { summarizer })).rejects.toThrow("safe view");
  });
});
