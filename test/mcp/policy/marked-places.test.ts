import { describe, expect, it } from "vitest";
import { z } from "zod";
import { markedRules } from "../../../src/mcp/policy/marked-places.js";
import { AgentPolicy, markedPlaces } from "../../../src/mcp.js";

const MARK = { "x-sensitive": true };

describe("a place that a schema marks as sensitive", () => {
  it.each<[object, string[]]>([
    [{}, []],
    [MARK, [""]],
    [{ "x-sensitive": "yes", properties: { a: { "x-sensitive": false } } }, []],
    [{ properties: { a: MARK, b: { properties: { "c/d": MARK } } } }, ["/a", "/b/c~1d"]],
    [{ items: MARK }, ["/*"]],
    [{ prefixItems: [{}, MARK] }, ["/1"]],
    [{ additionalProperties: { properties: { a: MARK } } }, ["/*/a"]],
    [{ anyOf: [{ properties: { a: MARK } }, { type: "null" }] }, ["/a"]],
    [{ properties: { a: { oneOf: [{}, MARK] } }, allOf: [{ properties: { a: MARK } }] }, ["/a"]],
    [{ properties: { a: { ...MARK, properties: { b: MARK } } } }, ["/a"]],
    [{ properties: { a: MARK }, additionalProperties: MARK }, ["/*"]],
    [
      { properties: { a: { $ref: "#/$defs/n" }, b: { $ref: "#/$defs/n" } }, $defs: { n: MARK } },
      ["/a", "/b"],
    ],
    [{ patternProperties: { "^s": MARK } }, ["/*"]],
    [{ unevaluatedProperties: { properties: { a: MARK } } }, ["/*/a"]],
    [{ items: [{}, MARK], additionalItems: MARK }, ["/*"]],
    [{ contains: MARK }, ["/*"]],
    [{ if: { properties: { a: MARK } }, else: { properties: { b: MARK } } }, ["/a", "/b"]],
    [{ dependentSchemas: { a: { properties: { b: MARK } } } }, ["/b"]],
  ])("is a list of places: case %#", (schema, places) => {
    expect(markedPlaces(schema as Record<string, unknown>)).toEqual(places);
  });

  it("may be marked by another keyword", () => {
    const schema = { properties: { a: MARK, b: { secret: true } } };
    expect(markedPlaces(schema, "secret")).toEqual(["/b"]);
  });

  it.each([
    { $ref: "https://example.org/schema" },
    { $ref: "#/nowhere" },
    { $dynamicRef: "#name" },
    { $ref: 5 },
    { properties: { a: { $ref: "#" } } },
  ])("cannot be determined if references lead out of the schema or in circles: %j", (schema) => {
    expect(() => markedPlaces(schema as Record<string, unknown>)).toThrow(TypeError);
  });

  it.each([
    [{ properties: { a: MARK }, required: ["a"] }, [["/a", false]]],
    [{ properties: { a: MARK } }, [["/a", true]]],
    [{ properties: { a: { properties: { b: MARK }, required: ["b"] } } }, [["/a/b", true]]],
    [{ items: { properties: { a: MARK }, required: ["a"] } }, [["/*/a", false]]],
    [{ anyOf: [{ properties: { a: MARK }, required: ["a"] }] }, [["/a", true]]],
    [{ allOf: [{ properties: { a: MARK }, required: ["a"] }] }, [["/a", false]]],
    [
      { allOf: [{ properties: { a: MARK } }, { properties: { a: MARK }, required: ["a"] }] },
      [["/a", false]],
    ],
    [
      { $ref: "#/$defs/p", $defs: { p: { properties: { a: MARK }, required: ["a"] } } },
      [["/a", false]],
    ],
  ])("may be absent only where the schema lets it: case %#", (schema, rules) => {
    const found = markedRules(schema).map(({ at, optional }) => [at, optional]);
    expect(found).toEqual(rules);
  });

  it("is accepted by a policy, also from a zod schema", () => {
    const schema = z.object({
      name: z.string(),
      ids: z.array(z.object({ ssn: z.string().meta(MARK) })),
      note: z.string().meta(MARK).optional(),
    });
    const seal = markedPlaces(z.toJSONSchema(schema)).map((at) => ({ at, optional: true }));
    expect(seal.map(({ at }) => at)).toEqual(["/ids/*/ssn", "/note"]);
    expect(() => new AgentPolicy({ servers: { a: { tools: { b: { seal } } } } })).not.toThrow();
  });
});
