import { describe, expect, it } from "vitest";
import type { PolicyOptions } from "../../src/mcp.js";
import { askForEverything } from "./support/ask-for-everything.js";
import { BARE, sealedServers } from "./support/leaky-sdk-servers.js";
import { CARRIERS, type Carrier, leaksIn } from "./support/leaky-server.js";
import { LINES } from "./support/lines.js";

const PASSING: PolicyOptions = { servers: {}, defaults: { unlisted: "pass" } };

/** Carriers that do not exist in a revision, so that even a bare server does not reveal them. */
function absentOver(name: string): readonly Carrier[] {
  if (!name.includes("2026-07-28")) return ["input-request", "request-state"];
  const pushed: Carrier[] = ["sampling", "elicitation"];
  return name.startsWith("stdio") ? [...pushed, "resource-updated"] : pushed;
}

describe.each(Object.entries(LINES))("over %s", (name, connect) => {
  it("no secret of any carrier reaches the client of a wrapped server", async () => {
    const line = await connect(sealedServers());
    await askForEverything(line.client);
    await line.close();
    expect(leaksIn(line.received())).toEqual([]);
    expect(line.received()).toContain("hdl_");
  });

  it("a policy that passes everything changes no answer", async () => {
    const answers = await Promise.all(
      [BARE, sealedServers(PASSING)].map(async (servers) => {
        const line = await connect(servers);
        const all = await askForEverything(line.client);
        await line.close();
        return all;
      }),
    );
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[0]).not.toHaveLength(0);
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
