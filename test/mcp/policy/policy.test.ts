import { describe, expect, it } from "vitest";
import { AgentPolicy, type PolicyOptions, type ToolPolicy } from "../../../src/mcp.js";

function policyOf(tool: ToolPolicy, rest: Partial<PolicyOptions> = {}): AgentPolicy {
  return new AgentPolicy({ servers: { records: { tools: { lookup: tool } } }, ...rest });
}

function rulesOf(tool: ToolPolicy, rest: Partial<PolicyOptions> = {}) {
  return policyOf(tool, rest).rulesOf({ server: "records", tool: "lookup" });
}

describe("a policy", () => {
  it("seals results without a rule whole, for the owner only", () => {
    const policy = new AgentPolicy({ servers: {} });
    const rules = policy.rulesOf({ server: "records", tool: "lookup" });
    expect(policy.unlisted).toBe("seal");
    expect(rules).toMatchObject({ handling: "rules", hydrating: [], errors: "seal" });
    expect(rules.sealing).toMatchObject([{ at: [], grants: [], ttlSeconds: 900 }]);
  });

  it("seals the whole result of a tool that it lists without rules", () => {
    expect(rulesOf({}).sealing).toMatchObject([{ at: [], grants: [] }]);
    expect(rulesOf({ seal: [] }).sealing).toMatchObject([{ at: [], grants: [] }]);
  });

  it("leaves a result visible only where it says so explicitly", () => {
    expect(rulesOf({ seal: "none" })).toMatchObject({ handling: "rules", sealing: [] });
  });

  it("applies its lifetime and its error handling to tools that set neither", () => {
    const rest: Partial<PolicyOptions> = { ttlSeconds: 60, defaults: { errors: "fixed" } };
    expect(rulesOf({}, rest)).toMatchObject({ errors: "fixed", sealing: [{ ttlSeconds: 60 }] });
    expect(rulesOf({ seal: [{ at: "", ttlSeconds: 5 }] }, rest).sealing[0]?.ttlSeconds).toBe(5);
  });

  it("knows a tool by its exact name, on its own server", () => {
    const policy = policyOf({ seal: "none" });
    for (const [server, tool] of [
      ["records", "Lookup"],
      ["records", "lookup/"],
      ["Records", "lookup"],
      ["record", "s/lookup"],
      ["records", "*"],
    ] as const) {
      expect(policy.rulesOf({ server, tool }).sealing).toHaveLength(1);
    }
  });

  it("warns of results that only their owner can open", () => {
    expect(policyOf({}).warnings).toHaveLength(1);
    expect(policyOf({ show: [] }).warnings).toHaveLength(1);
    expect(policyOf({ seal: [{ at: "", grant: ["a/b"] }] }).warnings).toEqual([]);
    expect(policyOf({ seal: "none" }).warnings).toEqual([]);
  });

  it("withholds the texts of a server unless it passes unlisted items", () => {
    expect(new AgentPolicy({ servers: {} }).texts).toBe("fixed");
    expect(new AgentPolicy({ servers: {}, defaults: { unlisted: "pass" } }).texts).toBe("pass");
  });

  it.each<[unknown, typeof TypeError | typeof RangeError]>([
    [undefined, TypeError],
    [{}, TypeError],
    [{ servers: [] }, TypeError],
    [{ servers: { records: {} } }, TypeError],
    [{ servers: { records: { tools: [] } } }, TypeError],
    [{ servers: { records: { tools: {}, tool: {} } } }, TypeError],
    [{ servers: { "": { tools: {} } } }, RangeError],
    [{ servers: { "a/b": { tools: {} } } }, RangeError],
    [{ servers: { "a#b": { tools: {} } } }, RangeError],
    [{ servers: { "*": { tools: {} } } }, RangeError],
    [{ servers: {}, version: 1 }, TypeError],
    [{ servers: {}, ttlSeconds: -1 }, RangeError],
    [{ servers: {}, ttlSeconds: "900" }, TypeError],
    [{ servers: {}, defaults: { unlisted: "allow" } }, RangeError],
    [{ servers: {}, defaults: { errors: "pass" } }, RangeError],
    [{ servers: {}, defaults: { texts: "seal" } }, RangeError],
    [{ servers: {}, defaults: { resourceLinks: "always" } }, TypeError],
    [{ servers: {}, defaults: { unlisted: "seal", other: 1 } }, TypeError],
  ])("is refused when it is wrong: case %#", (options, kind) => {
    expect(() => new AgentPolicy(options as PolicyOptions)).toThrow(kind);
  });

  it.each<[unknown, typeof TypeError | typeof RangeError]>([
    [null, TypeError],
    [{ sealed: [] }, TypeError],
    [{ seal: "all" }, TypeError],
    [{ seal: [{ at: "items" }] }, RangeError],
    [{ seal: [{}] }, TypeError],
    [{ seal: [{ at: "", grants: [] }] }, TypeError],
    [{ seal: [{ at: "", grant: "a/b" }] }, TypeError],
    [{ seal: [{ at: "", grant: ["lookup"] }] }, RangeError],
    [{ seal: [{ at: "", grant: ["records/*"] }] }, RangeError],
    [{ seal: [{ at: "", grant: ["*/lookup"] }] }, RangeError],
    [{ seal: [{ at: "", grant: ["records/lookup#alice"] }] }, RangeError],
    [{ seal: [{ at: "", grant: [5] }] }, TypeError],
    [{ seal: [{ at: "", maxUses: 0 }] }, RangeError],
    [{ seal: [{ at: "", ttlSeconds: Number.NaN }] }, RangeError],
    [{ seal: [{ at: "", optional: "yes" }] }, TypeError],
    [{ seal: [{ at: "", safeView: "a record" }] }, TypeError],
    [{ seal: [{ at: "", safeView: {} }] }, TypeError],
    [{ seal: [{ at: "", safeView: { fixed: 5 } }] }, TypeError],
    [{ seal: [{ at: "", safeView: { summarizer: {} } }] }, TypeError],
    [{ seal: [{ at: "" }, { at: "/a" }] }, RangeError],
    [{ seal: [{ at: "/a" }, { at: "/a/b" }] }, RangeError],
    [{ seal: [{ at: "/a" }, { at: "/a" }] }, RangeError],
    [{ seal: [{ at: "/*/b" }, { at: "/a/*" }] }, RangeError],
    [{ seal: [{ at: "/a/*" }, { at: "/*" }] }, RangeError],
    [{ seal: "none", show: ["/a"] }, RangeError],
    [{ seal: [{ detect: "/a" }] }, TypeError],
    [{ seal: [{ detect: () => [], at: "/a" }] }, TypeError],
    [{ seal: [{ detect: () => [], optional: true }] }, TypeError],
    [{ seal: [{ detect: () => [], maxUses: 0 }] }, RangeError],
    [{ seal: [null] }, TypeError],
    [{ show: "/a" }, TypeError],
    [{ show: ["a"] }, RangeError],
    [{ hydrate: [{ at: "" }] }, RangeError],
    [{ hydrate: [{ at: "/a" }, { at: "/a/b" }] }, RangeError],
    [{ hydrate: [{ at: "/a", inside: 1 }] }, TypeError],
    [{ hydrate: { at: "/a" } }, TypeError],
    [{ errors: "pass" }, RangeError],
    [{ errors: "pass", seal: [{ at: "/a" }] }, RangeError],
    [{ texts: "all" }, RangeError],
    [{ description: 5 }, TypeError],
  ])("is refused when a tool's rules are wrong: case %#", (tool, kind) => {
    expect(() => policyOf(tool as ToolPolicy)).toThrow(kind);
  });

  it("names the place of a mistake", () => {
    const policy = { seal: [{ at: "" }, { at: "/a", grant: ["a/b", "a"] }] };
    expect(() => policyOf(policy)).toThrow("policy.servers.records.tools.lookup.seal[1].grant[1]");
  });
});
