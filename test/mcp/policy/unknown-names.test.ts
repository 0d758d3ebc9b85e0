/** Tests names in a policy that a server does not have. */
import { describe, expect, it } from "vitest";
import { surveyTools } from "../../../src/mcp/filter/tool-survey.js";
import { missingPlace } from "../../../src/mcp/policy/schema-places.js";
import { nearName } from "../../../src/mcp/policy/unknown-names.js";
import type { JsonObject } from "../../../src/mcp/protocol/messages.js";
import { AgentPolicy, type PolicyOptions, type ToolPolicy } from "../../../src/mcp.js";
import { parsePointer } from "../../../src/primitives/json-pointer.js";

const closed = (properties: JsonObject): JsonObject => ({
  type: "object",
  properties,
  additionalProperties: false,
});
const RECORD = closed({ ssn: { type: "string" }, name: { type: "string" } });

describe("a place", () => {
  it.each<[string, JsonObject, string]>([
    ["that a closed object does not have", RECORD, "/snn"],
    ["within a closed object", closed({ record: RECORD }), "/record/snn"],
    ["within every item", closed({ all: { type: "array", items: RECORD } }), "/all/*/snn"],
    ["behind a reference", { $ref: "#/$defs/record", $defs: { record: RECORD } }, "/snn"],
    ["of all alternatives", { anyOf: [RECORD, closed({}), { type: "null" }] }, "/snn"],
    ["of one of several schemas that all apply", { allOf: [{}, RECORD] }, "/snn"],
    ["within an object or null", closed({ a: { ...RECORD, type: ["object", "null"] } }), "/a/snn"],
    ["within other members", { type: "object", additionalProperties: RECORD }, "/any/snn"],
  ])("%s is missing", (_, schema, place) => {
    expect(missingPlace(schema, parsePointer(place))?.token).toBe("snn");
  });

  it.each<[string, JsonObject, string]>([
    ["that a schema has", RECORD, "/ssn"],
    ["that is the whole", RECORD, ""],
    ["of an open object", { type: "object", properties: {} }, "/snn"],
    ["of an object with patterns of names", { ...RECORD, patternProperties: { n: {} } }, "/snn"],
    ["of any member", RECORD, "/*"],
    ["of one alternative", { oneOf: [RECORD, { type: "object" }] }, "/snn"],
    ["of a value of unknown type", { properties: {}, additionalProperties: false }, "/snn"],
    ["behind a reference in a circle", { $ref: "#" }, "/snn"],
    ["behind a reference that leads out", { $ref: "other.json" }, "/snn"],
    ["within a list with places of its own", { type: "array", prefixItems: [RECORD] }, "/0/snn"],
    ["named like a member of all objects", { ...RECORD, additionalProperties: {} }, "/toString"],
  ])("%s is not missing", (_, schema, place) => {
    expect(missingPlace(schema, parsePointer(place))).toBeUndefined();
  });
});

describe("a suggested name", () => {
  it.each([
    ["lookupPatient", "lookup_patient"],
    ["LOOKUP-PATIENT", "lookup_patient"],
    ["lookup_pateint", "lookup_patient"],
    ["snn", "ssn"],
    ["name", undefined],
    ["discharge", undefined],
  ])("for %s is %s", (name, meant) => {
    expect(nearName(name, ["lookup_patient", "set", "ssn"])).toBe(meant);
  });

  it("never is a text that is not a name", () => {
    expect(nearName("lookup", ["look up\n", "lookup\u001b"])).toBeUndefined();
  });
});

const TOOLS = [
  { name: "lookup", inputSchema: { type: "object" }, outputSchema: RECORD },
  { name: "list", inputSchema: RECORD },
];

function policyOf(
  tools: Readonly<Record<string, ToolPolicy>>,
  defaults: PolicyOptions["defaults"] = {},
) {
  return new AgentPolicy({ defaults, servers: { records: { tools } } });
}

const survey = (
  policy: AgentPolicy,
  pages: readonly (JsonObject | undefined)[] = [{ tools: TOOLS }],
) => {
  const left = [...pages];
  return surveyTools({ policy, server: "records", ask: async () => left.shift() });
};

const WRONG_TOOL = { lookpu: { seal: [{ at: "" }] } } as const;
const WRONG_PLACE = { lookup: { seal: [{ at: "/s_s_n", optional: true }] } } as const;

describe("a policy with a name that the server does not have", () => {
  it.each([
    ["a tool", WRONG_TOOL, /records\/lookpu, which .* not list: did it mean records\/lookup\?$/],
    ["a place", WRONG_PLACE, /records\/lookup .*\/s_s_n cannot .*: did it mean \/ssn\?$/],
  ])("is warned of %s, or refused", async (_, tools, message) => {
    const warned = await survey(policyOf(tools, { unlisted: "pass" }));
    expect(warned).toEqual({
      isComplete: true,
      problems: [],
      warnings: [expect.stringMatching(message)],
    });
    const refused = await survey(policyOf(tools, { unknownNames: "refuse" }));
    expect(refused).toMatchObject({ problems: [expect.stringMatching(message)], warnings: [] });
  });

  it("is not reported if the server lists only a part of its tools, or none", async () => {
    const policy = policyOf(WRONG_TOOL, { unknownNames: "refuse" });
    const pages = [{ tools: TOOLS, nextCursor: "2" }, undefined];
    expect(await survey(policy, pages)).toMatchObject({ problems: [], isComplete: false });
    expect(await survey(policy, [undefined])).toMatchObject({ problems: [], isComplete: false });
  });

  it("is refused with the intended place where handles are opened", async () => {
    const policy = policyOf({ list: { seal: "none", hydrate: [{ at: "/s-s-n" }] } });
    expect((await survey(policy)).problems).toEqual([
      expect.stringMatching(/\/s-s-n cannot be found in its input schema: did it mean \/ssn\?$/),
    ]);
  });

  it("requires a survey of the tools only if data could pass unsealed", () => {
    const whole = { lookup: { seal: [{ at: "" }] } };
    expect(policyOf(whole).needsSurvey("records")).toBe(false);
    expect(policyOf(whole, { unlisted: "pass" }).needsSurvey("records")).toBe(true);
    expect(policyOf(whole, { unlisted: "pass" }).needsSurvey("other")).toBe(false);
    expect(policyOf(whole, { unknownNames: "refuse" }).needsSurvey("records")).toBe(true);
    expect(policyOf(WRONG_PLACE).needsSurvey("records")).toBe(true);
  });

  it("is refused for an invalid handling", () => {
    expect(() => policyOf({}, { unknownNames: "pass" as never })).toThrow(RangeError);
  });
});
