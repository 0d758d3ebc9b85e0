import { describe, expect, expectTypeOf, it } from "vitest";
import { HandleVault } from "../../src/index.js";
import {
  aggregateSummarizer,
  SafeView,
  type SafeViewFields,
  type Summarizer,
  type SummaryContext,
  schemaSummarizer,
  truncateSummarizer,
} from "../../src/safe-view.js";
import { OWNER, sealOptions } from "../support/vault.js";

const CONTEXT: SummaryContext = { ownerPrincipal: OWNER, grantedPrincipals: [] };

/** Returns the fields that a safe view has, without the undefined ones. */
async function told(summarizer: Summarizer, data: unknown): Promise<Partial<SafeViewFields>> {
  const view = await summarizer.summarize(data, CONTEXT);
  return JSON.parse(JSON.stringify(view));
}

describe("the laws of the original's safe views", () => {
  it("38: a safe view has a summary and only the given fields; frozen; its text is the summary", () => {
    const view = new SafeView({ summary: "a record" });
    expect(JSON.parse(JSON.stringify(view))).toEqual({ summary: "a record", shown: [] });
    expect([view.dataType, view.rowCount, view.schema]).toEqual([undefined, undefined, undefined]);
    expect(String(view)).toBe("a record");
    expect(() => Object.assign(view, { summary: "another" })).toThrow(TypeError);
  });

  it("39: a summarizer is any object with summarize, for the compiler and at run time", async () => {
    expectTypeOf<{ summarize(data: unknown): string }>().toExtend<Summarizer>();
    expectTypeOf<{ summarize(): Promise<SafeView> }>().toExtend<Summarizer>();
    expectTypeOf<object>().not.toExtend<Summarizer>();
    expectTypeOf<{ summarize(): number }>().not.toExtend<Summarizer>();
    // @ts-expect-error A class that implements it has to have the method.
    class Nothing implements Summarizer {}
    const options = { ownerPrincipal: "owner", summarizer: new Nothing() as Summarizer };
    await expect(new HandleVault().seal(1, options)).rejects.toThrow("the methods summarize");
  });

  it("40: the schema of an object, of a table, of an empty list, of a text and of a number", async () => {
    const schema = schemaSummarizer();
    expect(await told(schema, { name: "Ada", age: 36 })).toMatchObject({
      summary: "object, 2 fields, name (text), age (number)",
      dataType: "object",
      schema: { name: "text", age: "number" },
    });
    expect(await told(schema, [{ a: 1, b: "x" }, { a: 2 }])).toMatchObject({
      dataType: "table",
      rowCount: 2,
      schema: { a: "number", b: "text" },
    });
    expect(await told(schema, [])).toMatchObject({ rowCount: 0 });
    expect(await told(schema, "a letter")).toMatchObject({ dataType: "text" });
    expect(await told(schema, 5)).toMatchObject({ dataType: "number" });
    expect((await told(schemaSummarizer({ hide: ["age"] }), { age: 36 })).schema).toEqual({});
  });

  it("41: the beginning of a text is shown only if the options call that unsafe", async () => {
    expect(() => truncateSummarizer({} as never)).toThrow("unsafe must be true");
    const unsafe = truncateSummarizer({ unsafe: true });
    expect((await told(unsafe, "x".repeat(200))).summary).toBe("x".repeat(200));
    expect(await told(unsafe, "x".repeat(201))).toMatchObject({
      summary: `${"x".repeat(200)} [TRUNCATED]`,
      dataType: "text",
    });
    expect((await told(unsafe, { secret: "canary" })).summary).not.toContain("canary");
  });

  it("42: figures describe a group and no single value", async () => {
    const aggregate = aggregateSummarizer();
    expect((await told(aggregate, [10, 25, 31, 99, 20])).summary).toBe(
      "list, 5 items, numbers: sum 185, mean 37",
    );
    expect((await told(aggregate, { a: 10, b: 25, c: 31, d: 99, e: 20 })).summary).toContain("185");
    expect((await told(aggregate, [])).summary).toBe("list, 0 items");
    expect((await told(aggregate, [4711])).summary).toBe("list, 1 item");
    expect((await told(aggregate, ["a", "b"])).summary).toBe("list, 2 items");
    expect((await told(aggregate, "a letter")).summary).toBe("value");
  });

  it("43: a safe view is used without a summarizer; both are refused, where a summarizer prevailed", async () => {
    const vault = new HandleVault();
    const { safeView, ...terms } = sealOptions({ safeView: "given" });
    expect((await vault.seal({ a: 1 }, { ...terms, safeView })).safeView).toBe("given");
    const summarizer = schemaSummarizer();
    const handle = await vault.seal({ a: 1 }, { ...terms, summarizer });
    expect(handle.safeView).toBe("object, 1 field, a (number)");
    const both = { ...terms, safeView, summarizer } as never;
    await expect(vault.seal({ a: 1 }, both)).rejects.toThrow("not both");
  });
});
