import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkKnown, checkSubject, isToolName } from "../../../src/mcp/policy/principals.js";
import { serverPrincipal, toolPrincipal } from "../../../src/mcp.js";

describe("principals of agents", () => {
  it("consist of the policy's names and the subject", () => {
    expect(serverPrincipal("records", "alice")).toBe("mcp-server:records#alice");
    const tool = { server: "pharmacy", tool: "check" };
    expect(toolPrincipal(tool, "alice")).toBe("mcp-tool:pharmacy/check#alice");
  });

  it("are the same only for the same server, tool and subject", async () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,4}$/);
    const tool = fc.stringMatching(/^[A-Za-z0-9_./-]{1,5}$/);
    const subject = fc.string({ minLength: 1, maxLength: 6 });
    const one = fc.tuple(name, tool, fc.oneof(subject, fc.constant("x#y"), fc.constant("a/b#c")));
    await fc.assert(
      fc.property(one, one, ([server, use, who], [otherServer, otherUse, otherWho]) => {
        const same = server === otherServer && use === otherUse && who === otherWho;
        const first = toolPrincipal({ server, tool: use }, who);
        const second = toolPrincipal({ server: otherServer, tool: otherUse }, otherWho);
        expect(first === second).toBe(same);
        expect(first).not.toBe(serverPrincipal(otherServer, otherWho));
      }),
    );
  });

  it("cannot be built from a tool name that contains another subject", () => {
    for (const name of ["check#bob", "check#", "", "a b", "a\n", "x".repeat(129), 5, undefined]) {
      expect(isToolName(name)).toBe(false);
    }
  });
});

describe("a subject", () => {
  it("is never the text of a missing value, which all callers without a subject would share", () => {
    const missing = [undefined, null, Number.NaN, true, false, {}, Promise.resolve()];
    for (const value of missing) {
      expect(() => checkSubject(String(value))).toThrow(RangeError);
      expect(() => checkKnown(String(value), "principal")).toThrow(/missing value/);
    }
    expect(() => checkSubject("nullarbor")).not.toThrow();
  });
});
