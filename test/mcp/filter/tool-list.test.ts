import { describe, expect, it } from "vitest";
import { rewriteTools } from "../../../src/mcp/filter/tool-list.js";
import { AgentPolicy, type PolicyDefaults, type ToolPolicy } from "../../../src/mcp.js";

const INPUT = {
  type: "object",
  properties: {
    patient: { type: "string", format: "uuid", description: "whom" },
    drugs: { type: "array", items: { $ref: "#/$defs/drug" } },
    other: { $ref: "#/$defs/drug" },
    choice: {
      anyOf: [{ type: "object", properties: { id: { type: "string" } } }, { type: "null" }],
    },
    map: { type: "object", additionalProperties: { type: "string" } },
    pair: { type: "array", prefixItems: [{ type: "string" }, { type: "number" }] },
  },
  required: ["patient"],
  $defs: { drug: { type: "string", maxLength: 20 } },
};
const OUTPUT = {
  type: "object",
  properties: {
    name: { type: "string", enum: ["Ada"] },
    items: { type: "array", items: { $ref: "#/$defs/item" } },
  },
  required: ["name"],
  additionalProperties: false,
  $defs: { item: { type: "string" } },
};
const HANDLE = expect.objectContaining({ required: ["handle_id", "safe_view", "expires_at"] });
const OR_HANDLE = (schema: unknown) => ({ anyOf: [schema, expect.anything()] });

function listed(rules: ToolPolicy, given: Record<string, unknown> = {}, defaults?: PolicyDefaults) {
  const policy = new AgentPolicy({ servers: { records: { tools: { lookup: rules } } }, defaults });
  const tool = { name: "lookup", description: "Looks up.", inputSchema: INPUT, ...given };
  return rewriteTools([tool], policy, "records");
}

function toolOf(rules: ToolPolicy, given: Record<string, unknown> = {}): Record<string, unknown> {
  const { tools, refused } = listed({ texts: "pass", ...rules }, given);
  expect([...refused]).toEqual([]);
  return tools[0] ?? {};
}

describe("the input of a tool that opens handles", () => {
  it.each<[string, readonly string[], unknown]>([
    ["/patient", ["properties", "patient"], INPUT.properties.patient],
    ["/drugs/*", ["properties", "drugs", "items"], INPUT.properties.drugs.items],
    ["/map/*", ["properties", "map", "additionalProperties"], { type: "string" }],
    ["/pair/*", ["properties", "pair", "prefixItems", "1"], { type: "number" }],
    ["/choice/id", ["properties", "choice", "anyOf", "0", "properties", "id"], { type: "string" }],
  ])("takes the original or a handle at %s", (at, path, original) => {
    const { inputSchema } = toolOf({ seal: "none", hydrate: [{ at }] });
    const found = path.reduce((value, key) => (value as Record<string, unknown>)[key], inputSchema);
    expect(found).toEqual(OR_HANDLE(original));
  });

  it("is changed only at those places, not in shared definitions", () => {
    const given = {
      type: "object",
      properties: { one: { $ref: "#/$defs/named" }, two: { $ref: "#/$defs/named" } },
      $defs: { named: { type: "object", properties: { name: { type: "string" } } } },
    };
    const rules: ToolPolicy = { seal: "none", hydrate: [{ at: "/one/name" }] };
    const { properties, $defs } = toolOf(rules, { inputSchema: given })[
      "inputSchema"
    ] as typeof given;
    expect(properties.one).toEqual({
      type: "object",
      properties: { name: OR_HANDLE({ type: "string" }) },
    });
    expect(properties.two).toEqual(given.properties.two);
    expect($defs).toEqual(given.$defs);
  });

  it.each(["/nothing", "/patient/name", "/drugs/0", "/patient/*", "/constructor", "/map/*/x"])(
    "is refused if it does not describe %s",
    (at) => {
      const { tools, refused } = listed({ seal: "none", hydrate: [{ at }] });
      expect(tools).toEqual([]);
      expect(refused.get("lookup")).toBe(`${at} cannot be found in its input schema`);
    },
  );

  it.each<[string, object]>([
    ["", { patient: { type: "string", "x-mcp-header": "Patient" } }],
    ["deep within", { patient: { anyOf: [{ type: "string", "x-mcp-header": "Patient" }] } }],
    ["in a definition", { patient: { $ref: "#/$defs/p" } }],
  ])("is refused where an argument travels in a header, marked %s", (_, properties) => {
    const $defs = { p: { type: "string", "x-mcp-header": "Patient" } };
    const inputSchema = { type: "object", properties, $defs };
    const rules: ToolPolicy = { seal: "none", hydrate: [{ at: "/patient" }] };
    expect(listed(rules, { inputSchema }).refused.get("lookup")).toMatch(/^\/patient travels/);
  });

  it("is refused in bounded time if definitions multiply", () => {
    const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
    const properties = Object.fromEntries(names.map((name) => [name, { $ref: "#" }]));
    const rules: ToolPolicy = { seal: "none", hydrate: [{ at: "/*/*/*/*/*/x" }] };
    const inputSchema = { type: "object", properties };
    expect(listed(rules, { inputSchema }).refused.size).toBe(1);
  });

  it.each([
    [{ $ref: "#/properties/patient" }],
    [{ $ref: "https://example.org/schema" }],
    [{ $ref: 5 }],
  ])("is refused where a reference leads nowhere or around: %j", (patient) => {
    const rules: ToolPolicy = { seal: "none", hydrate: [{ at: "/patient/name" }] };
    const inputSchema = { type: "object", properties: { patient } };
    expect(listed(rules, { inputSchema }).refused.size).toBe(1);
  });

  it("comes with two fixed sentences in the description", () => {
    const rules: ToolPolicy = { seal: "none", hydrate: [{ at: "/patient" }] };
    const { description } = toolOf(rules);
    expect(description).toBe(toolOf(rules)["description"]);
    expect(description).toMatch(
      /^Looks up\. Where an argument may be a handle, [^.]*\. For a part [^.]*#\/[^.]*\.$/,
    );
    expect(toolOf({ seal: "none" })["description"]).toBe("Looks up.");
  });
});

describe("the output of a tool", () => {
  function outputOf(rules: ToolPolicy, outputSchema: object = OUTPUT) {
    return toolOf(rules, { outputSchema })["outputSchema"] as Record<string, unknown> | undefined;
  }

  it("that is sealed whole is a handle", () => {
    expect(outputOf({})).toEqual(HANDLE);
  });

  it("that is sealed at places may be a handle there or as a whole", () => {
    const output = outputOf({ seal: [{ at: "/items/*" }] });
    expect(output).toMatchObject({ type: "object", $defs: OUTPUT.$defs });
    const [fields, whole] = (output?.["anyOf"] ?? []) as [typeof OUTPUT, unknown];
    expect(fields.properties.name).toEqual(OUTPUT.properties.name);
    expect(fields.properties.items.items).toEqual({ anyOf: [{ $ref: "#/$defs/item" }, HANDLE] });
    expect(whole).toEqual(HANDLE);
  });

  it.each<[string, ToolPolicy, object?]>([
    ["the place is in no schema", { seal: [{ at: "/unknown" }] }],
    ["only places are shown", { show: ["/name"] }],
    [
      "handles are opened, whose echoes may be anywhere",
      { seal: "none", hydrate: [{ at: "/patient" }] },
    ],
    [
      "its references would lead elsewhere",
      { seal: [{ at: "/name" }] },
      { ...OUTPUT, properties: { ...OUTPUT.properties, again: { $ref: "#/properties/name" } } },
    ],
  ])("is not described where %s", (_, rules, schema) => {
    expect(outputOf(rules, schema)).toBeUndefined();
  });

  it("without rules is unchanged", () => {
    expect(outputOf({ seal: "none" })).toEqual(OUTPUT);
  });
});

describe("a server's description of its tools", () => {
  const given = {
    title: "TITLE",
    description: "DESCRIPTION",
    icons: [{ src: "data:ICON" }],
    annotations: { title: "ANNOTATION", readOnlyHint: true, openWorldHint: "HINT", x: "X" },
    _meta: { "example.org/x": "META" },
    execution: { taskSupport: "optional" },
    inputSchema: {
      type: "object",
      title: "T",
      properties: {
        name: {
          type: ["string", "null", "SECRET"],
          description: "D",
          default: "SECRET",
          examples: ["SECRET"],
          enum: ["SECRET"],
          const: "SECRET",
          pattern: "SECRET",
          $comment: "SECRET",
          "x-secret": "SECRET",
        },
        ref: { $ref: "https://SECRET" },
        within: {
          anyOf: [{ $ref: "#/SECRET" }, { $ref: "#/$defs/SECRET" }, { $ref: "#/$defs/a" }],
        },
        any: true,
      },
      required: ["name", "SECRET", 5],
      additionalProperties: { description: "SECRET", type: "string" },
      $defs: { a: { const: "SECRET" } },
    },
  };

  it("contains only the name, the shape of the input and the hints", () => {
    const [tool] = listed({}, given).tools;
    expect(tool).toEqual({
      name: "lookup",
      description: expect.stringMatching(
        /^A tool of the server records\. Handles in its result.*900/,
      ),
      annotations: { readOnlyHint: true },
      inputSchema: {
        type: "object",
        properties: {
          name: { type: ["string", "null"] },
          ref: {},
          within: { anyOf: [{}, {}, { $ref: "#/$defs/a" }] },
          any: true,
        },
        required: ["name"],
        additionalProperties: { type: "string" },
        $defs: { a: {} },
      },
    });
  });

  it("may be replaced by the policy's own text", () => {
    const [tool] = listed({ seal: "none", description: "Finds a patient." }, given).tools;
    expect(tool).toMatchObject({ description: "Finds a patient." });
    expect(JSON.stringify(tool)).not.toContain("SECRET");
  });

  it("is shown where the policy passes texts", () => {
    const [tool] = listed({ seal: "none", texts: "pass" }, given).tools;
    expect(tool).toMatchObject({ title: "TITLE", description: "DESCRIPTION" });
    expect(tool?.["inputSchema"]).toEqual(given.inputSchema);
    expect(tool).not.toHaveProperty("_meta");
  });

  it("is complete where unlisted tools pass, and absent where they are refused", () => {
    const tools = [{ name: "other", ...given }];
    const passing = new AgentPolicy({ servers: {}, defaults: { unlisted: "pass" } });
    expect(rewriteTools(tools, passing, "records").tools).toEqual(tools);
    const refusing = new AgentPolicy({ servers: {}, defaults: { unlisted: "refuse" } });
    expect(rewriteTools(tools, refusing, "records").tools).toEqual([]);
  });

  it.each([
    [undefined],
    ["tools"],
    [[null, 5, "x", {}, { name: 5 }, { name: "a b" }, { name: "a#b" }]],
  ])("is nothing where it lists no tools: %j", (tools) => {
    const policy = new AgentPolicy({ servers: {} });
    expect(rewriteTools(tools, policy, "records").tools).toEqual([]);
  });

  it("has an input that takes an object, even if the server describes none", () => {
    expect(listed({}, { inputSchema: 5 }).tools[0]).toMatchObject({
      inputSchema: { type: "object" },
    });
  });
});
