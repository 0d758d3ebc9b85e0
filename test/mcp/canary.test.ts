import { describe, expect, it } from "vitest";
import { HandleVault } from "../../src/index.js";
import { AgentPolicy, withVault } from "../../src/mcp.js";
import { askForEverything } from "./support/ask-for-everything.js";
import { leakyServerV1, leakyServerV2 } from "./support/leaky-sdk-servers.js";
import { CARRIERS, type Carrier, leaksIn } from "./support/leaky-server.js";
import { LINES, type Servers } from "./support/lines.js";

const BARE: Servers = { v1: leakyServerV1, v2: leakyServerV2 };

const policy = new AgentPolicy({
  servers: {
    leaky: {
      tools: {
        text: { seal: [{ at: "", safeView: { fixed: "a text" }, grant: ["leaky/json"] }] },
        structured: { seal: [{ at: "/secret" }] },
        json: { show: [] },
      },
    },
  },
});

function wrapped(): Servers {
  const options = {
    vault: new HandleVault(),
    policy,
    server: "leaky",
    subjectOf: () => "alice",
    onWarning: () => undefined,
  };
  return {
    v1: () => withVault(leakyServerV1(), options),
    v2: () => withVault(leakyServerV2(), options),
  };
}

/** What does not exist in a revision, so that not even a bare server gives it away. */
function absentOver(name: string): readonly Carrier[] {
  if (!name.includes("2026-07-28")) return ["input-request", "request-state"];
  const pushed: Carrier[] = ["sampling", "elicitation"];
  return name.startsWith("stdio") ? [...pushed, "resource-updated"] : pushed;
}

describe.each(Object.entries(LINES))("over %s", (name, connect) => {
  it("no secret of any carrier reaches the client of a wrapped server", async () => {
    const line = await connect(wrapped());
    await askForEverything(line.client);
    await line.close();
    expect(leaksIn(line.received())).toEqual([]);
    expect(line.received()).toContain("hdl_");
  });

  it("all of them reach the client of a bare server", async () => {
    const line = await connect(BARE);
    await askForEverything(line.client);
    await line.close();
    const leaks = leaksIn(line.received());
    const expected = CARRIERS.filter((carrier) => !absentOver(name).includes(carrier));
    expect(leaks).toEqual(expect.arrayContaining(expected));
  });
});
