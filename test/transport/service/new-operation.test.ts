/** An operation that exists only in the table can be served and called over every wire. */
import { afterAll, describe, expect, it, vi } from "vitest";
import type * as Table from "../../../src/transport/service/operations.js";
import { HandleVault } from "../../support/modules.js";
import { OWNER, sealOptions } from "../../support/vault.js";

vi.mock("../../../src/transport/service/operations.js", async (original) => {
  const { OPERATIONS, OPERATION_NAMES, ...rest } = await original<typeof Table>();
  const count = {
    summary: "Counts what a safe view repeats.",
    positions: ["id", "times"],
    route: { method: "POST", path: "/handles/:id/count", status: 200 },
    effect: "reads",
    schemas: ({ z, id }) => ({
      params: z.strictObject({ id, times: z.number() }),
      result: z.object({ characters: z.number() }),
    }),
    serve: async ({ vault }, { id, times }) => ({
      characters: await (vault as CountingVault).count(id, times),
    }),
    remote: {
      name: "count",
      optionsAt: 2,
      params: (id: string, times: number) => ({ id, times }),
      value: ({ characters }: { characters: number }) => characters,
    },
  } as Table.Operation<{ id: string; times: number }, { characters: number }>;
  Object.assign(OPERATIONS, { count });
  (OPERATION_NAMES as string[]).push("count");
  return { ...rest, OPERATIONS, OPERATION_NAMES };
});

const { VaultClient } = await import("../../../src/client.js");
const { tokenAuth } = await import("../../../src/auth.js");
const { serveHttp } = await import("../../../src/transport/http.js");
const { serveJsonRpc } = await import("../../../src/transport/json-rpc.js");
const { serveXmlRpc } = await import("../../../src/transport/xml-rpc.js");

const TOKEN = "a-token-of-at-least-thirty-two-characters";
/** A vault with one more method. */
class CountingVault extends HandleVault {
  async count(id: string, times: number): Promise<number> {
    return times * (await this.getSafeView(id)).length;
  }
}

const vault = new CountingVault();
const options = { auth: tokenAuth({ tokens: [{ token: TOKEN, principal: OWNER }] }), port: 0 };
const servers = {
  http: await serveHttp(vault, options),
  jsonRpc: await serveJsonRpc(vault, options),
  xmlRpc: await serveXmlRpc(vault, options),
};
const url = (name: keyof typeof servers) => `http://127.0.0.1:${servers[name].address.port}`;
const clients = {
  http: VaultClient.http(url("http"), { token: TOKEN }),
  jsonRpc: VaultClient.jsonRpc({ port: servers.jsonRpc.address.port ?? 0 }, { token: TOKEN }),
  xmlRpc: VaultClient.xmlRpc(url("xmlRpc"), { token: TOKEN }),
};

afterAll(async () => {
  for (const client of Object.values(clients)) await client.close();
  for (const server of Object.values(servers)) await server.stop();
});

describe("an operation that is added to the table", () => {
  it.each(Object.entries(clients))("is performed over %s", async (_, client) => {
    const { id, safeView } = await vault.seal("x", sealOptions());
    const counting = client as unknown as { count(id: string, times: number): Promise<number> };
    expect(await counting.count(id, 3)).toBe(3 * safeView.length);
    await expect(counting.count("nonsense", 3)).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_NOT_FOUND",
    });
  });

  it("has its parameters checked by its own schema", async () => {
    const { id } = await vault.seal("x", sealOptions());
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const response = await fetch(`${url("http")}/handles/${id}/count`, {
      method: "POST",
      headers,
      body: '{"times":"3"}',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: "times must be a number" });
  });

  it("is in the help of XML-RPC and in the description of HTTP", async () => {
    const { introspect } = await import("../../../src/transport/xml-rpc/methods.js");
    const { openApiDocument } = await import("../../../src/transport/rest/openapi.js");
    expect(introspect("system.methodHelp", ["count"])).toBe(
      "count(id, times): Counts what a safe view repeats.",
    );
    expect(await openApiDocument()).toMatchObject({
      paths: { "/handles/{id}/count": { post: { operationId: "count" } } },
    });
  });

  it("is demanded of every vault that is served", async () => {
    await expect(serveHttp(new HandleVault(), options)).rejects.toThrow(/^vault must .*, count$/);
  });
});
