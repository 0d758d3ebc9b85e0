import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  denyPatterns,
  lengthWithin,
  matchesSchema,
  type OutputPredicate,
  type OutputValidator,
  TemplateEngine,
} from "../../../src/template.js";
import { expectLinearReading } from "../../support/characters-read.js";
import { thrownBy } from "../../support/refusals.js";
import { vaultWithClock } from "../../support/vault.js";
import { AS, sealed } from "../scene.js";

const { vault } = vaultWithClock();
afterAll(() => vault.close());

/** Returns the rule that rejects an output; `undefined` if none does. */
async function refusal(output: string, ...validators: (OutputValidator | OutputPredicate)[]) {
  const engine = new TemplateEngine(vault, { validators });
  try {
    await engine.hydrate(output, AS);
    return "accepted";
  } catch (error) {
    return (error as { rule?: string }).rule ?? String(error);
  }
}

describe("lengthWithin", () => {
  it("accepts lengths within its limits, both included", async () => {
    const rule = lengthWithin({ min: 2, max: 3 });
    const outputs = ["1", "12", "123", "1234"];
    const fates = await Promise.all(outputs.map((output) => refusal(output, rule)));
    expect(fates).toEqual(["length", "accepted", "accepted", "length"]);
  });

  it.each([{ min: -1 }, { min: 3, max: 2 }, { max: Number.NaN }])("cannot be %j", (bounds) => {
    expect(() => lengthWithin(bounds)).toThrow(RangeError);
  });
});

describe("denyPatterns", () => {
  it("refuses an output in which a pattern is found, anywhere", async () => {
    const rule = denyPatterns(["\\b\\d{3}-\\d{2}-\\d{4}\\b", "(?i)password"]);
    expect(await refusal("fine", rule)).toBe("accepted");
    expect(await refusal("the PassWord is", rule)).toBe("pattern");
    expect(await refusal("x\n123-45-6789.", rule)).toBe("pattern");
  });

  it("also checks inserted text", async () => {
    const id = await sealed(vault, "123-45-6789");
    const rule = denyPatterns(["\\d{3}-\\d{2}-\\d{4}"]);
    expect(await refusal(`{{${id}}}`, rule)).toBe("pattern");
  });

  it("reads outputs that stall other engines as often as they are long", async () => {
    const rule = denyPatterns(["^(a+)+$", "^(a|aa)+$", "(x+x+)+y"]);
    await expectLinearReading(async (length) => {
      const output = `${"a".repeat(length)}${"x".repeat(length)}!`;
      expect(await refusal(output, rule)).toBe("accepted");
    });
  });

  it("rejects outputs that are longer than its maximum", async () => {
    const rule = denyPatterns(["x"], { maxLength: 4 });
    expect(await refusal("aaaa", rule)).toBe("accepted");
    expect(await refusal("aaaaa", rule)).toBe("pattern");
  });

  it("names the position of an invalid pattern, but not the pattern", async () => {
    expect(await refusal("", denyPatterns(["a", "(secret"]))).toBe(
      "TypeError: patterns[1] must be a pattern that RE2 accepts",
    );
    expect(() => denyPatterns("abc" as unknown as string[])).toThrow(TypeError);
    expect(() => denyPatterns([/x/] as unknown as string[])).toThrow("patterns[0]");
  });
});

describe("matchesSchema", () => {
  it("checks the output, or the JSON in it, against a schema", async () => {
    const text = matchesSchema(z.string().regex(/^Dear /));
    expect(await refusal("Dear Ada", text)).toBe("accepted");
    expect(await refusal("Hello", text)).toBe("schema");
    const json = matchesSchema(z.object({ total: z.number() }), { as: "json" });
    expect(await refusal('{"total": 1}', json)).toBe("accepted");
    expect(await refusal('{"total": "1"}', json)).toBe("schema");
    expect(await refusal("no JSON", json)).toBe("schema");
  });

  it("accepts only a schema", () => {
    expect(() => matchesSchema({} as never)).toThrow("safeParse");
    expect(() => matchesSchema(z.string(), { as: "xml" } as never)).toThrow(TypeError);
  });
});

describe("a custom validator", () => {
  it("accepts only by `true`, and names the kind of its rule", async () => {
    const validator = (answer: unknown): OutputValidator => ({
      rule: "length",
      accepts: async () => answer as boolean,
    });
    expect(await refusal("x", validator(true))).toBe("accepted");
    for (const answer of [false, undefined, 1, "true"]) {
      expect(await refusal("x", validator(answer))).toBe("length");
    }
  });
});

describe("a custom predicate", () => {
  it("accepts only by `true`, synchronously or later", async () => {
    expect(await refusal("x", (output) => output === "x")).toBe("accepted");
    expect(await refusal("x", async () => true)).toBe("accepted");
    expect(await refusal("x", async () => false)).toBe("custom");
    expect(await refusal("x", () => "yes" as unknown as boolean)).toBe("custom");
  });

  it("rejects the output if it throws, and does not reveal the error", async () => {
    const engine = new TemplateEngine(vault, {
      validators: [
        (output) => {
          throw new Error(output);
        },
      ],
    });
    const error = await thrownBy(() => engine.hydrate("secret-canary", AS));
    expect(error).toMatchObject({ name: "OutputValidationError", rule: "custom" });
    expect((error as Error).cause).toBeUndefined();
  });
});
