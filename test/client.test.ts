import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { generateToken, tokenAuth } from "../src/auth.js";
import { VaultClient } from "../src/client.js";
import { HandleVault, type Vault } from "../src/index.js";
import { serveHttp } from "../src/transport/http.js";
import { serveJsonRpc } from "../src/transport/json-rpc.js";
import { serveXmlRpc } from "../src/transport/xml-rpc.js";

const RECORDS = "spiffe://example.org/records";
const GATEWAY = "spiffe://example.org/gateway";
const AGENT = "spiffe://example.org/agent";

const FORBIDDEN = { code: "ERR_VAULT_PRINCIPAL_FORBIDDEN" };

const WIRES = {
  http: { serve: serveHttp, connect: VaultClient.http, scheme: "http" },
  "xml-rpc": { serve: serveXmlRpc, connect: VaultClient.xmlRpc, scheme: "http" },
} as const;

/** Opens a vault behind a wire, and each principal's way to it. */
async function openStage(wire: keyof typeof WIRES | "json-rpc") {
  const tokens = {
    [RECORDS]: generateToken(),
    [GATEWAY]: generateToken(),
    [AGENT]: generateToken(),
  };
  const callers = Object.entries(tokens).map(([principal, token]) => ({ principal, token }));
  const vault = new HandleVault();
  const options = { auth: tokenAuth({ tokens: callers }), port: 0 };
  const serve = wire === "json-rpc" ? serveJsonRpc : WIRES[wire].serve;
  const server = await serve(vault, options);
  const { port } = server.address;
  const clients: Vault[] = [];
  const connect = (token: string | undefined) => {
    const client =
      wire === "json-rpc"
        ? VaultClient.jsonRpc({ host: "127.0.0.1", port }, { token })
        : WIRES[wire].connect.call(VaultClient, `http://127.0.0.1:${port}`, { token });
    clients.push(client);
    return client;
  };
  return {
    vault,
    records: connect(tokens[RECORDS]),
    gateway: connect(tokens[GATEWAY]),
    agent: connect(tokens[AGENT]),
    nobody: connect(undefined),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
      await server.stop();
      await vault.close();
    },
  };
}

describe.each([
  ["http", (path: string) => VaultClient.http("http://127.0.0.1", { path })],
  ["json-rpc", (path: string) => VaultClient.jsonRpc({ path })],
  ["xml-rpc", (path: string) => VaultClient.xmlRpc("http://127.0.0.1", { path })],
] as const)("a VaultClient over %s that reaches no service", (_, connect) => {
  it("says so, and where it looked in no part of its error", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hv-private-place-"));
    const client = connect(join(folder, "vault.sock"));
    const id = `hdl_${"0".repeat(32)}`;
    try {
      const error = await client.unseal(id, GATEWAY).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "ERR_VAULT_SERVICE_UNAVAILABLE" });
      const shown = inspect(error, { depth: 10, showHidden: true });
      for (const secret of ["hv-private-place", id, GATEWAY]) expect(shown).not.toContain(secret);
    } finally {
      await client.close();
      await rm(folder, { recursive: true });
    }
  });
});

describe.each(["http", "json-rpc", "xml-rpc"] as const)("a VaultClient over %s", (wire) => {
  it("is a vault to those whom the owner named", async () => {
    await using stage = await openStage(wire);
    const data = { name: "Ann Weiß", list: [1, null, true] };
    const options = { ownerPrincipal: RECORDS, grantedPrincipals: [GATEWAY], safeView: "a record" };
    const { id } = await stage.records.seal(data, options);
    expect(stage.records).toBeInstanceOf(VaultClient);
    expect(await stage.gateway.unseal(id, GATEWAY)).toEqual(data);
    expect(await stage.vault.unseal(id, GATEWAY)).toEqual(data);
    await expect(stage.agent.unseal(id, AGENT)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_ACCESS_DENIED",
    });
  });

  it("does not let an agent be the gateway by typing its name", async () => {
    await using stage = await openStage(wire);
    const options = { ownerPrincipal: RECORDS, grantedPrincipals: [GATEWAY], safeView: "a record" };
    const { id } = await stage.records.seal("secret", { ...options, maxUses: 1 });
    const by = { by: RECORDS };
    await expect(stage.agent.unseal(id, GATEWAY)).rejects.toMatchObject(FORBIDDEN);
    await expect(stage.agent.describe(id, GATEWAY)).rejects.toMatchObject(FORBIDDEN);
    await expect(stage.agent.invalidate(id, RECORDS)).rejects.toMatchObject(FORBIDDEN);
    await expect(stage.agent.grant(id, AGENT, by)).rejects.toMatchObject(FORBIDDEN);
    await expect(stage.agent.renew(id, 60, by)).rejects.toMatchObject(FORBIDDEN);
    await expect(stage.agent.seal("forged", options)).rejects.toMatchObject(FORBIDDEN);
    expect(await stage.gateway.unseal(id, GATEWAY)).toBe("secret");
  });

  it("gets nothing without a credential, not even a safe view", async () => {
    await using stage = await openStage(wire);
    const options = { ownerPrincipal: RECORDS, safeView: "a record" };
    const { id } = await stage.records.seal("secret", options);
    const refused = { code: "ERR_VAULT_UNAUTHENTICATED" };
    await expect(stage.nobody.unseal(id, RECORDS)).rejects.toMatchObject(refused);
    await expect(stage.nobody.getSafeView(id)).rejects.toMatchObject(refused);
  });

  it("closes its connection and leaves the vault open", async () => {
    await using stage = await openStage(wire);
    const { id } = await stage.records.seal("kept", { ownerPrincipal: RECORDS, safeView: "" });
    await stage.records.close();
    await expect(stage.records.unseal(id, RECORDS)).rejects.toMatchObject({
      code: "ERR_VAULT_CLOSED",
    });
    expect(await stage.vault.unseal(id, RECORDS)).toBe("kept");
  });
});
