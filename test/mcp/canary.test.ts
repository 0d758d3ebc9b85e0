import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { describe, expect, it } from "vitest";
import type { PolicyOptions } from "../../src/mcp.js";
import { BARE, sealedServers } from "./support/leaky-sdk-servers.js";
import { CARRIERS, type Carrier, leaksIn, TOOL_NAMES } from "./support/leaky-server.js";
import { type AnyClient, LINES } from "./support/lines.js";

const PASSING: PolicyOptions = { servers: {}, defaults: { unlisted: "pass" } };

/** Asks for everything that a server has, and returns the answers: results, or messages of errors. */
async function askForEverything(client: AnyClient): Promise<readonly unknown[]> {
  const methods = client as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  const answers: unknown[] = [];
  const ask = async (method: string, ...given: unknown[]) => {
    const answer = await methods[method]?.call(client, ...given).catch(String);
    answers.push(answer);
  };
  const options = { onprogress: (told: unknown) => answers.push(told), timeout: 5000 };
  const callOptions = client instanceof ClientV1 ? [undefined, options] : [options];
  await ask("listTools");
  for (const name of TOOL_NAMES) await ask("callTool", { name, arguments: {} }, ...callOptions);
  await ask("callTool", { name: "no such tool", arguments: {} });
  await ask("listResources");
  await ask("listResourceTemplates");
  await ask("readResource", { uri: "x://1" });
  await ask("listPrompts");
  await ask("getPrompt", { name: "p" });
  const ref = { type: "ref/prompt", name: "p" };
  await ask("complete", { ref, argument: { name: "a", value: "" } });
  answers.push(client.getServerVersion(), client.getServerCapabilities(), client.getInstructions());
  return answers;
}

/** What does not exist in a revision, so that not even a bare server gives it away. */
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
