/** Policies that seal the places that a schema file marks. */

import { describe, expect, it } from "vitest";
import { readPolicyFile } from "../../src/cli/policy-file.js";
import { HandleVault } from "../../src/index.js";
import { sealToolOutput } from "../../src/mcp.js";
import { messageThrownBy } from "../support/refusals.js";
import { fileOf, newPath } from "./support/policies.js";

const MARK = { type: "string", "x-sensitive": true };
const PATIENT = {
  type: "object",
  properties: {
    name: { type: "string" },
    ssn: MARK,
    note: MARK,
    visits: { items: { properties: { why: MARK } } },
  },
  required: ["name", "ssn"],
};
const SSN = "123-45-6789";

/** Returns a policy with one rule of one tool, whose members besides the file are given. */
function policyWith(rule: string): string {
  return fileOf(`version: 1
vault: { cache: memory }
servers:
  records:
    tools:
      lookup:
        seal:
          - ${rule}
      use: { hydrate: [{ at: /ssn }], seal: none }
`);
}

const markedIn = (schema: unknown, more = "") =>
  policyWith(`{ marked: ${fileOf(JSON.stringify(schema), "patient.schema.json")}${more} }`);

async function sealed(policyPath: string, structuredContent: Record<string, unknown>) {
  const { policy } = await readPolicyFile(policyPath);
  const vault = new HandleVault();
  const scope = { vault, policy, server: "records", tool: "lookup", subject: "alice" };
  return JSON.stringify(await sealToolOutput({ content: [], structuredContent }, scope));
}

describe("a rule for the places that a schema marks", () => {
  it("becomes a rule with the same terms for each place, which is optional if the schema says so", async () => {
    const terms = ", grant: [records/use], maxUses: 2, ttlSeconds: 60, safeView: { fixed: a text }";
    const { policy } = await readPolicyFile(markedIn(PATIENT, terms));
    const common = { maxUses: 2, ttlSeconds: 60, grants: [{ server: "records", tool: "use" }] };
    expect(policy.rulesOf({ server: "records", tool: "lookup" }).sealing).toMatchObject([
      { at: ["ssn"], isOptional: false, ...common },
      { at: ["note"], isOptional: true, ...common },
      { at: ["visits", "*", "why"], isOptional: true, ...common },
    ]);
  });

  it("seals the marked places, and leaves the rest visible", async () => {
    const visits = [{ why: "canary of a visit" }];
    const text = await sealed(markedIn(PATIENT), { name: "Ada", ssn: SSN, visits });
    expect(text).toContain("Ada");
    expect(text).not.toMatch(/123-45|canary/);
  });

  it.each([
    ["without what the schema requires", { name: "Ada", patient: { ssn: SSN } }],
    ["of another shape", { name: "Ada", ssn: "x", visits: "canary of a visit" }],
  ])("seals a result %s whole", async (_, result) => {
    expect(await sealed(markedIn(PATIENT), result)).not.toMatch(/123-45|canary|Ada/);
  });

  it.each([
    ["a schema that is not there", newPath("none.json"), "the schema cannot be read"],
    ["a folder", ".", "the schema is not a file"],
    ["what is not JSON", fileOf(`{ "canary": `), "the schema is not a JSON schema"],
    ["what is no schema", fileOf("[]"), "the schema is not a JSON schema"],
    ["a schema without marks", fileOf("{}"), "the schema marks nothing"],
    ["a circle", fileOf('{"properties":{"a":{"$ref":"#"}}}'), "leads in a circle"],
  ])("rejects %s with its line, without its contents", async (_, path, problem) => {
    const message = await messageThrownBy(() => readPolicyFile(policyWith(`marked: ${path}`)));
    expect(message).toContain("policy, line 8, column 21: ");
    expect(message).toContain(problem);
    expect(message).not.toContain("canary");
    expect(message).not.toContain(path === "." ? "marked: ." : path);
  });

  it.each([
    [`{ at: "", marked: x.json }`, "must have exactly one of at, marked"],
    ["{ marked: x.json, optional: true }", "must not have optional beside marked"],
    ["{ marked: [x.json] }", "seal > 0 > marked: Invalid input: expected string"],
    ["{ marked: x.json, mark: x-secret }", "unknown key mark"],
  ])("is strict: %s", async (rule, problem) => {
    expect(await messageThrownBy(() => readPolicyFile(policyWith(rule)))).toContain(problem);
  });

  it("is found in the policy's folder", async () => {
    const path = fileOf(JSON.stringify(PATIENT), "patient.schema.json");
    const { policy } = await readPolicyFile(policyWith(`marked: ./${path.split("/").at(-1)}`));
    expect(policy.rulesOf({ server: "records", tool: "lookup" }).sealing).toHaveLength(3);
  });
});
