import { afterEach, describe, expect, it } from "vitest";
import { generateToken, tokenAuth } from "../../src/auth.js";
import { VaultClient } from "../../src/client.js";
import { HandleVault } from "../../src/index.js";
import { AgentPolicy, type HandleForm, hydrateArguments, sealToolOutput } from "../../src/mcp.js";
import { serveHttp } from "../../src/transport/http.js";

const policy = new AgentPolicy({
  servers: {
    records: { tools: { lookup: { seal: [{ at: "", grant: ["pharmacy/check"] }] } } },
    pharmacy: { tools: { check: { seal: "none", hydrate: [{ at: "/patient" }] } } },
  },
});

/** Functions that stop and close the resources of a test. */
const opened: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/**
 * One vault behind a network protocol. Each server has a credential for its own principals only.
 */
async function sharedVault() {
  const tokens = [
    { token: generateToken(), principal: "records", mayActFor: ["mcp-server:records#*"] },
    { token: generateToken(), principal: "pharmacy", mayActFor: ["mcp-tool:pharmacy/*"] },
  ];
  const vault = new HandleVault();
  const service = await serveHttp(vault, { auth: tokenAuth({ tokens }), port: 0 });
  opened.push(
    () => vault.close(),
    () => service.stop(),
  );
  const [records, pharmacy] = tokens.map(({ token }) => {
    const client = VaultClient.http(`http://${service.address.host}:${service.address.port}`, {
      token,
    });
    opened.push(() => client.close());
    return client;
  });
  if (records === undefined || pharmacy === undefined) throw new Error("two clients were made");
  return { records, pharmacy };
}

describe("servers that share a vault over the network", () => {
  it("pass values to each other through a model that sees only handles", async () => {
    const { records, pharmacy } = await sharedVault();
    const subject = "alice";
    const lookup = { vault: records, policy, server: "records", tool: "lookup", subject };
    const patient = { name: "Ada Lovelace" };
    const result = await sealToolOutput({ content: [], structuredContent: patient }, lookup);
    const { handle_id } = result.structuredContent as HandleForm;
    const check = { vault: pharmacy, policy, server: "pharmacy", tool: "check", subject };
    const call = await hydrateArguments({ patient: handle_id }, check);
    expect(call.ok && call.arguments).toEqual({ patient });
    const other = await hydrateArguments({ patient: handle_id }, { ...check, subject: "bob" });
    expect(other.ok).toBe(false);
  });

  it("can act only as themselves, whatever their own policies say", async () => {
    const { records, pharmacy } = await sharedVault();
    const scope = { policy, server: "records", tool: "lookup", subject: "alice" };
    const result = { content: [], structuredContent: { name: "Ada Lovelace" } };
    const forged = await sealToolOutput(result, { ...scope, vault: pharmacy });
    expect(forged).toMatchObject({ isError: true });
    const sealed = await sealToolOutput(result, { ...scope, vault: records });
    const { handle_id } = sealed.structuredContent as HandleForm;
    const greedy = new AgentPolicy({
      servers: { records: { tools: { lookup: { seal: "none", hydrate: [{ at: "/any" }] } } } },
    });
    const call = await hydrateArguments(
      { any: handle_id },
      { ...scope, vault: pharmacy, policy: greedy },
    );
    expect(call.ok).toBe(false);
  });
});
