import { describe, expect, it } from "vitest";
import { HandleVault, memoryCache } from "../../../src/index.js";
import type { JsonObject, PolicyOptions } from "../../../src/mcp.js";
import { overriding } from "../../support/failing-cache.js";
import { Connection, POLICY, saying } from "../support/connection.js";
import { SEALING, sealedServers } from "../support/leaky-sdk-servers.js";
import { leaksIn } from "../support/leaky-server.js";
import { LINES } from "../support/lines.js";

const SECRET = "canary 7f3a91";
const LINKING = { ...POLICY, defaults: { resourceLinks: true } } satisfies PolicyOptions;
const VERSION_KEY = "io.modelcontextprotocol/protocolVersion";

/** A connection on which client and server have agreed on a protocol revision. */
async function connected(protocolVersion: unknown, policy: PolicyOptions = LINKING) {
  const connection = new Connection({ policy });
  const request = await connection.request("initialize", { protocolVersion: "2025-11-25" });
  const answered = await connection.answer(request, { protocolVersion, capabilities: {} });
  return { connection, answered };
}

async function lookup(connection: Connection, _meta: JsonObject = {}): Promise<readonly Block[]> {
  const request = await connection.request("tools/call", { name: "lookup", _meta });
  const answered = await connection.answer(request, saying(SECRET));
  expect(JSON.stringify(answered)).not.toContain(SECRET);
  return (answered as { result: { content: Block[] } }).result.content;
}

interface Block {
  readonly type: string;
  readonly uri?: string;
}

function linksIn(content: readonly Block[]): readonly Block[] {
  return content.filter(({ type }) => type === "resource_link");
}

async function linkFrom(connection: Connection): Promise<string> {
  const [link] = linksIn(await lookup(connection));
  return String(link?.uri);
}

function reading(uri: unknown, _meta: JsonObject = {}): JsonObject {
  return { jsonrpc: "2.0", id: 9, method: "resources/read", params: { uri, _meta } };
}

describe("a link to a handle", () => {
  it.each(["2025-06-18", "2025-11-25"])(
    "contains no more data than the handle: %s",
    async (revision) => {
      const { connection } = await connected(revision);
      const [link, ...others] = linksIn(await lookup(connection));
      expect(others).toEqual([]);
      const id = String(link?.uri).replace("handle://", "");
      expect(link).toEqual({
        type: "resource_link",
        uri: `handle://${id}`,
        name: id,
        description: "a patient",
        mimeType: "text/plain",
        annotations: { audience: ["assistant"] },
      });
      expect(await connection.vault.unseal(id, "mcp-server:records#alice")).toBe(SECRET);
    },
  );

  it.each(["2025-03-26", "2024-11-05", "9999", `2025-06-18${SECRET}`, undefined, 20_250_618])(
    "is not sent to a client of revision %j",
    async (revision) => {
      const { connection } = await connected(revision);
      expect(linksIn(await lookup(connection))).toEqual([]);
    },
  );

  it("depends on the revision that a request names, whatever was agreed on", async () => {
    const { connection } = await connected("2025-03-26");
    expect(linksIn(await lookup(connection, { [VERSION_KEY]: "2026-07-28" }))).toHaveLength(1);
    expect(linksIn(await lookup(connection, { [VERSION_KEY]: { a: 1 } }))).toEqual([]);
  });

  it("is not sent without the option", async () => {
    const { connection, answered } = await connected("2025-11-25", POLICY);
    expect(linksIn(await lookup(connection))).toEqual([]);
    expect(answered).toMatchObject({ result: { capabilities: {} } });
    expect(JSON.stringify(answered)).not.toContain("resources");
  });

  it("never stands for an error that is replaced by a fixed text", async () => {
    const policy = { ...POLICY, defaults: { resourceLinks: true, errors: "fixed" } } as const;
    const { connection } = await connected("2025-11-25", policy);
    const call = await connection.call("lookup");
    const answered = await connection.answer(call, { ...saying(SECRET), isError: true });
    expect(JSON.stringify(answered)).not.toMatch(/canary|resource_link|hdl_/);
  });
});

describe("reading a handle", () => {
  it("returns its safe view, which must not be cached", async () => {
    const { connection } = await connected("2025-11-25");
    const uri = await linkFrom(connection);
    const contents = [{ uri, mimeType: "text/plain", text: "a patient" }];
    const result = { contents, ttlMs: 0, cacheScope: "private" };
    expect(await connection.client(reading(uri))).toEqual({
      reply: { jsonrpc: "2.0", id: 9, result },
    });
    expect(await connection.client(reading(uri, { [VERSION_KEY]: "2026-07-28" }))).toEqual({
      reply: { jsonrpc: "2.0", id: 9, result: { ...result, resultType: "complete" } },
    });
  });

  it("works where the policy refuses other resources", async () => {
    const policy = { ...POLICY, defaults: { resourceLinks: true, unlisted: "refuse" } } as const;
    const { connection } = await connected("2025-11-25", policy);
    const { reply } = await connection.client(reading(await linkFrom(connection)));
    expect(reply).toMatchObject({ result: { contents: [{ text: "a patient" }] } });
    expect((await connection.client(reading("file:///etc/passwd"))).reply).toHaveProperty("error");
  });

  const NOT_FOUND = { error: { code: -32602, message: "Resource not found" } };

  it("returns nothing to another subject, and nothing of another server's handles", async () => {
    const vault = new HandleVault();
    let subject = "alice";
    const connection = new Connection({ policy: LINKING, vault, subject: () => subject });
    const lasting = { safeView: "a number", ttlSeconds: 60 };
    const others = await vault.seal(SECRET, {
      ...lasting,
      ownerPrincipal: "mcp-server:pharmacy#alice",
      grantedPrincipals: ["mcp-tool:records/use#alice", "mcp-server:records#alice"],
    });
    const own = await vault.seal(SECRET, {
      ...lasting,
      ownerPrincipal: "mcp-server:records#alice",
    });
    const read = (id: string) => connection.client(reading(`handle://${id}`));
    expect((await read(own.id)).reply).toMatchObject({ result: {} });
    expect((await read(others.id)).reply).toMatchObject(NOT_FOUND);
    subject = "bob";
    expect((await read(own.id)).reply).toMatchObject(NOT_FOUND);
    expect((await read(`hdl_${"0".repeat(32)}`)).reply).toMatchObject(NOT_FOUND);
  });

  it("returns nothing to a client without a subject", async () => {
    const connection = new Connection({ policy: LINKING, subject: () => "" });
    const { reply } = await connection.client(reading(`handle://hdl_${"0".repeat(32)}`));
    expect(reply).toMatchObject({ error: { message: expect.stringMatching(/^Not executed/) } });
  });

  it("reports that the vault is unavailable, without the reason", async () => {
    const down = () => Promise.reject(new Error(SECRET));
    const vault = new HandleVault({ cache: overriding(memoryCache(), { get: down }) });
    const connection = new Connection({ policy: LINKING, vault });
    const { reply } = await connection.client(reading(`handle://hdl_${"0".repeat(32)}`));
    expect(reply).toMatchObject({ error: { code: -32603, message: "The vault is unavailable" } });
  });

  it.each(["handle://x", "handle://", "handle://hdl_1", "x://1", 5, undefined])(
    "does not affect requests for other resources: %j",
    async (uri) => {
      const connection = new Connection({ policy: LINKING });
      expect((await connection.client(reading(uri))).forward).toMatchObject({ id: 1 });
    },
  );

  it("is forwarded to the server without the option", async () => {
    const connection = new Connection();
    const { forward } = await connection.client(reading(`handle://hdl_${"0".repeat(32)}`));
    expect(forward).toMatchObject({ method: "resources/read" });
  });
});

describe("a server without resources", () => {
  const unknown = { jsonrpc: "2.0", error: { code: -32601, message: SECRET } };

  it.each(["seal", "pass"] as const)(
    "declares resources and lists none if handles can be read: %s",
    async (unlisted) => {
      const policy = { ...POLICY, defaults: { resourceLinks: true, unlisted } };
      const { connection, answered } = await connected("2025-11-25", policy);
      expect(answered).toMatchObject({ result: { capabilities: { resources: {} } } });
      const list = await connection.request("resources/list");
      const listed = await connection.server({ ...unknown, id: list.id });
      expect(listed).toEqual({ forward: { jsonrpc: "2.0", id: 1, result: { resources: [] } } });
      const templates = await connection.request("resources/templates/list");
      expect(await connection.server({ ...unknown, id: templates.id })).toMatchObject({
        forward: { result: { resourceTemplates: [] } },
      });
    },
  );

  it("still rejects other methods", async () => {
    const connection = new Connection({ policy: LINKING });
    const { id } = await connection.request("prompts/list");
    const { forward } = await connection.server({ ...unknown, id });
    expect(forward).toMatchObject({ error: { code: -32601, message: "Method not found" } });
  });
});

describe.each(Object.entries(LINES))("over %s", (_, connect) => {
  it("a client can follow a link to the safe view only", async () => {
    const policy = { ...SEALING, defaults: { resourceLinks: true } };
    const line = await connect(sealedServers(policy));
    const called = await line.client.callTool({ name: "text", arguments: {} });
    const [link] = linksIn(called.content as Block[]);
    const read = await line.client.readResource({ uri: String(link?.uri) });
    await line.close();
    expect(read.contents).toEqual([{ uri: link?.uri, mimeType: "text/plain", text: "a text" }]);
    expect(leaksIn(line.received())).toEqual([]);
  });
});
