import { describe, expect, it } from "vitest";
import { fileOf } from "./support/policies.js";
import { run } from "./support/run.js";

const CANARY = "canary 81ce";
const POLICY = `version: 1
vault: { cache: memory }
subject: \${NOT_NEEDED}
ttlSeconds: 900
servers:
  records:
    tools:
      whole: { seal: [{ at: "", safeView: { fixed: one patient }, grant: [records/use], maxUses: 3 }] }
      parts:
        show: [/count]
        seal:
          - { at: "/items/*", safeView: { fixed: one item } }
          - { at: "", safeView: { fixed: the rest } }
      field: { seal: [{ at: /ssn }] }
      keyed: { seal: [{ at: "/*/ssn" }] }
      open: { seal: none }
      short: { errors: fixed }
      uses:
        seal: none
        hydrate: [{ at: /to }, { at: /note, inside: true, format: shell, leftover: pass }]
`;

async function explained(tool: string, result: unknown, policy: string = POLICY): Promise<string> {
  const recorded = fileOf(JSON.stringify({ tool, result }));
  const args = ["--policy", fileOf(policy), "--server", "records", "--explain", recorded];
  const { code, output, errors } = await run(["mcp-proxy", ...args]);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(output).not.toContain("canary");
  return output;
}

const text = (value: string) => ({ content: [{ type: "text", text: value }] });

describe("--explain", () => {
  it("lists the places where handles are opened, and explains how other handles are treated", async () => {
    expect(await explained("uses", text(CANARY))).toBe(`records/uses
  stays in sight
  argument /to: handles are opened; one that is left over refuses the call
  argument /note: handles are opened, also inside shell; one that is left over passes as text
`);
  });

  it("says that a result is sealed whole, with its owner and its lifetime", async () => {
    expect(await explained("whole", text(CANARY))).toBe(`records/whole
  the whole result: sealed, safe view "one patient", for records/use, 900 s, 3 uses
  in sight: nothing
  texts of the server: replaced
`);
  });

  it("lists the places that are sealed and those that stay visible", async () => {
    const value = { count: 2, items: [{ a: CANARY }, { a: CANARY }], other: CANARY };
    expect(await explained("parts", { structuredContent: value })).toBe(`records/parts
  the whole result: sealed, safe view "the rest", for the owner alone, 900 s
  /items/* (2 places): sealed, safe view "one item", for the owner alone, 900 s
  in sight: /count
  texts of the server: replaced
`);
  });

  it("says that a result without a required place is sealed whole", async () => {
    expect(await explained("field", text(JSON.stringify({ name: CANARY })))).toContain(
      "a place that a rule needs is missing",
    );
  });

  it("says that a result that cannot be sealed is withheld", async () => {
    const policy = POLICY.replace("one patient", "x".repeat(5000));
    expect(await explained("whole", text(CANARY), policy)).toContain(
      "the whole result: cannot be sealed, so the result is withheld",
    );
  });

  it("prints places as the policy writes them, because member names may be data", async () => {
    const output = await explained("keyed", { structuredContent: { [CANARY]: { ssn: CANARY } } });
    expect(output).toContain("/*/ssn: sealed");
    expect(output).toContain("in sight: all else");
  });

  it("explains how errors and additional contents are treated", async () => {
    const error = { ...text(CANARY), isError: true };
    expect(await explained("whole", error)).toContain("an error: sealed for the owner");
    expect(await explained("short", error)).toContain("an error: replaced by a fixed text");
    const beside = { structuredContent: {}, content: [{ type: "image", data: CANARY }] };
    expect(await explained("whole", beside)).toContain(
      "images, sounds, resources and links: sealed",
    );
  });

  it("explains how a tool is treated that seals nothing, or that has no rule", async () => {
    expect(await explained("open", text(CANARY))).toContain("stays in sight");
    expect(await explained("other", text(CANARY))).toContain("the whole result: sealed");
    const defaults = (unlisted: string) => `${POLICY}defaults: { unlisted: ${unlisted} }\n`;
    expect(await explained("other", text(CANARY), defaults("pass"))).toContain("passes as it is");
    expect(await explained("other", text(CANARY), defaults("refuse"))).toContain("is never called");
  });

  it.each([
    ["no JSON", "is not JSON"],
    ["[]", "must be"],
    ['{ "tool": "whole" }', "must be"],
    ['{ "tool": 1, "result": {} }', "must be"],
  ])("rejects a file that is not a recorded result: %s", async (recorded, message) => {
    const args = ["--policy", fileOf(POLICY), "--server", "records", "--explain", fileOf(recorded)];
    const { code, errors } = await run(["mcp-proxy", ...args]);
    expect(code).toBe(2);
    expect(errors).toContain(message);
  });

  it("warns of places that the result does not have, unless that seals it whole", async () => {
    const policy = POLICY.replace("at: /ssn", "at: /ssn, optional: true");
    const result = { structuredContent: { name: CANARY } };
    expect(await explained("field", result, policy)).toContain(
      "warning: /ssn is not in this result\n",
    );
    expect(await explained("field", result)).not.toContain("warning");
    expect(await explained("field", { structuredContent: { ssn: CANARY } }, policy)).not.toContain(
      "warning",
    );
  });

  it("warns of a tool without rules whose name is close to that of one with rules", async () => {
    const policy = POLICY.replace("servers:", "defaults: { unlisted: pass }\nservers:");
    expect(await explained("Keyed", text(CANARY), policy)).toContain(
      "warning: there are rules for records/keyed: was it meant?",
    );
    expect(await explained("other", text(CANARY), policy)).not.toContain("warning");
  });

  it.each([
    ["warn", "  warning: the policy has rules for the tool records/parts,"],
    ["refuse", "  refused at the start: the policy has rules for the tool records/parts,"],
  ])("compares the names with the tools that were recorded (%s)", async (unknownNames, line) => {
    const policy = POLICY.replace(
      "servers:",
      `defaults: { unknownNames: ${unknownNames} }\nservers:`,
    );
    const recorded = { tool: "open", result: text(CANARY), tools: [{ name: "open" }] };
    const args = ["--policy", fileOf(policy), "--server", "records"];
    const { output } = await run([
      "mcp-proxy",
      ...args,
      "--explain",
      fileOf(JSON.stringify(recorded)),
    ]);
    expect(output).toContain(line);
    expect(output).not.toContain("tool records/open");
  });
});
