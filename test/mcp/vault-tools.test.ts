/**
 * Tests the tools over real transports of both SDKs: which caller may send which request, as which
 * principal.
 */
import { randomUUID } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport as StdioV1 } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { createMcpHandler, McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { StdioServerTransport as StdioV2, serveStdio } from "@modelcontextprotocol/server/stdio";
import { afterEach, describe, expect, it } from "vitest";
import { HandleVault, type Vault } from "../../src/index.js";
import {
  AgentPolicy,
  type ClientAuthentication,
  type VaultToolsOptions,
  vaultTools,
  withVault,
} from "../../src/mcp.js";

const INFO = { name: "records", version: "1.0.0" };
const CANARY = "canary 5521 of the payload";
const GATEWAY = "gateway";
const byToken = ({ extra }: ClientAuthentication) => String(extra?.["principal"]);

type Add = Awaited<ReturnType<typeof vaultTools>>;
type Ask = (tool: string, args: Record<string, unknown>) => Promise<Answer>;
interface Answer {
  readonly text: string;
  readonly value: unknown;
  readonly isError: boolean;
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function askOver(
  transport: unknown,
): Promise<Ask & { readonly tools: () => Promise<string[]> }> {
  const client = new Client({ name: "client", version: "1.0.0" });
  await client.connect(transport as never);
  closing.push(() => client.close());
  const ask: Ask = async (name, args) => {
    const { content, structuredContent, isError } = await client.callTool({
      name,
      arguments: args,
    });
    const [{ text = "" } = {}] = content as { text?: string }[];
    return { text, value: structuredContent, isError: isError === true };
  };
  const tools = async () => (await client.listTools()).tools.map(({ name }) => name);
  return Object.assign(ask, { tools });
}

function serverV1(add: Add) {
  const server = new McpServerV1(INFO);
  add(server);
  return server;
}

function serverV2(add: Add) {
  const server = new McpServerV2(INFO);
  add(server);
  return server;
}

/** Listens with an authentication that trusts a header. Real authentication is tested elsewhere. */
async function listen(handle: RequestListener): Promise<URL> {
  const server = createServer((request, response) => {
    const principal = request.headers["x-verified"];
    if (typeof principal === "string") {
      const auth = { token: "t", clientId: "c", scopes: [], extra: { principal } };
      Object.assign(request, { auth });
    }
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
}

async function askHttp(url: URL, principal: string | undefined) {
  const headers = principal === undefined ? {} : { "x-verified": principal };
  return askOver(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
}

async function stdio(
  add: Add,
  connect: (toServer: PassThrough, toClient: PassThrough, add: Add) => unknown,
) {
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  await connect(toServer, toClient, add);
  return askOver(new StdioV1(toClient, toServer));
}

/** The connection of a caller to the tools, by SDK and transport. */
const GENERATIONS = {
  "SDK 1": {
    http: async (add: Add, principal?: string) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID });
      await serverV1(add).connect(transport as never);
      const url = await listen(
        (request, response) => void transport.handleRequest(request, response),
      );
      return askHttp(url, principal);
    },
    stdio: (add: Add) =>
      stdio(add, (toServer, toClient) => serverV1(add).connect(new StdioV1(toServer, toClient))),
  },
  "SDK 2": {
    http: async (add: Add, principal?: string) => {
      const handle = toNodeHandler(createMcpHandler(() => serverV2(add)));
      const url = await listen((request, response) => void handle(request as never, response));
      return askHttp(url, principal);
    },
    stdio: (add: Add) =>
      stdio(add, (toServer, toClient) =>
        serveStdio(() => serverV2(add), { transport: new StdioV2(toServer, toClient) }),
      ),
  },
};

async function sealed(options: Partial<VaultToolsOptions> = {}, data: unknown = { note: CANARY }) {
  const vault = new HandleVault();
  const handle = await vault.seal(data, {
    ownerPrincipal: "records",
    grantedPrincipals: [GATEWAY],
    safeView: "a record",
  });
  const add = await vaultTools(vault, { principalOf: byToken, resolve: true, ...options });
  return { add, vault, id: handle.id, arguments: { handle_id: handle.id } };
}

describe.each(Object.entries(GENERATIONS))("the tools of a vault on a server of %s", (_, line) => {
  it("return the safe view to every caller that the server admits", async () => {
    const { add, id, arguments: args } = await sealed();
    const ask = await line.http(add, "somebody");
    const { value } = await ask("get_safe_view", args);
    expect(value).toEqual({ handle_id: id, safe_view: "a record" });
  });

  it("describe a handle to a grantee only", async () => {
    const { add, arguments: args } = await sealed();
    const granted = await line.http(add, GATEWAY);
    const described = await granted("describe_handle", args);
    expect(described.value).toMatchObject({ owner_principal: "records", uses_left: null });
    const refused = await (await line.http(add, "agent"))("describe_handle", args);
    expect(refused).toMatchObject({ isError: true, value: undefined });
    expect(refused.text).not.toContain("records");
  });

  it("open a handle for the authenticated grantee", async () => {
    const { add, id, arguments: args } = await sealed();
    const ask = await line.http(add, GATEWAY);
    const { value, isError } = await ask("resolve_handle", args);
    expect(isError).toBe(false);
    expect(value).toEqual({ handle_id: id, data: { note: CANARY }, resolved_by: GATEWAY });
  });

  it("open no handle for a caller that passes the gateway's name", async () => {
    const { add, arguments: args } = await sealed();
    const ask = await line.http(add, "agent");
    for (const name of ["principal", "requesting_principal", "caller", "authInfo", "http"]) {
      const answer = await ask("resolve_handle", { ...args, [name]: GATEWAY });
      expect(answer.isError).toBe(true);
      expect(JSON.stringify(answer)).not.toContain(CANARY);
    }
  });

  it("open no handle for an unauthenticated caller", async () => {
    const { add, arguments: args } = await sealed();
    for (const ask of [await line.http(add), await line.stdio(add)]) {
      const answer = await ask("resolve_handle", args);
      expect(answer.text).toMatch(/^Not executed: it is not known who calls/);
    }
  });

  it("accept a principal fixed by the launcher over stdio, never over HTTP", async () => {
    const { add, arguments: args } = await sealed({ principalOf: GATEWAY });
    const local = await (await line.stdio(add))("resolve_handle", args);
    expect(local.value).toMatchObject({ data: { note: CANARY }, resolved_by: GATEWAY });
    for (const caller of [undefined, "agent", GATEWAY]) {
      const answer = await (await line.http(add, caller))("resolve_handle", args);
      expect(answer).toMatchObject({ isError: true, value: undefined });
    }
  });

  it("have no resolve_handle unless the option requests it", async () => {
    const { add } = await sealed({ resolve: undefined });
    const ask = await line.http(add, GATEWAY);
    expect(await ask.tools()).toEqual(["get_safe_view", "describe_handle"]);
  });

  it("return the same text for unknown, expired, malformed and foreign handles", async () => {
    const { add, vault, id } = await sealed();
    const options = { ownerPrincipal: "records", safeView: "", grantedPrincipals: ["agent"] };
    const expired = await vault.seal("x", { ...options, ttlSeconds: 0 });
    const spent = await vault.seal("x", { ...options, maxUses: 1 });
    await vault.unseal(spent.id, "agent");
    const ask = await line.http(add, "agent");
    const texts = new Set<string>();
    for (const handle_id of [id, expired.id, spent.id, `hdl_${"0".repeat(32)}`, "", "hdl_x"]) {
      texts.add((await ask("resolve_handle", { handle_id })).text);
    }
    expect(texts.size).toBe(1);
  });

  it("return bytes in base64", async () => {
    const { add, arguments: args } = await sealed({}, Uint8Array.of(1, 2, 255));
    const { value } = await (await line.http(add, GATEWAY))("resolve_handle", args);
    expect(value).toMatchObject({ data: "AQL/", data_encoding: "base64" });
  });

  it("report only that the vault is unavailable when it fails", async () => {
    const { vault, arguments: args } = await sealed();
    const failing = new Proxy(vault, {
      get: () => () => Promise.reject(new Error(`${CANARY} at /var/lib/vault`)),
    }) as Vault;
    const add = await vaultTools(failing, { principalOf: byToken, resolve: true });
    const ask = await line.http(add, GATEWAY);
    for (const tool of ["get_safe_view", "describe_handle", "resolve_handle"]) {
      const { text, isError } = await ask(tool, args);
      expect(isError).toBe(true);
      expect(text).toBe("The vault is unavailable. Try again later.");
    }
  });

  it.each([
    ["throws", () => Promise.reject(new Error(CANARY))],
    ["gives no text", () => undefined as never],
    ["gives an empty text", () => ""],
    ["gives control characters", () => "gate\nway"],
  ])("open nothing when principalOf %s", async (__, principalOf) => {
    const { add, arguments: args } = await sealed({ principalOf });
    const answer = await (await line.http(add, GATEWAY))("resolve_handle", args);
    expect(answer.text).toMatch(/^Not executed: it is not known who calls/);
  });
});

describe("the tools of a vault on a wrapped server", () => {
  const subjectOf = () => "alice";
  const tools = { get_safe_view: { seal: "none" as const } };

  it("pass where the policy lists them, and are sealed like any other tool where not", async () => {
    const { add, vault, arguments: args } = await sealed({ principalOf: GATEWAY });
    const policy = new AgentPolicy({ servers: { records: { tools } } });
    const options = { vault, policy, server: "records", subjectOf, onWarning: () => undefined };
    const ask = await stdio(add, (toServer, toClient) =>
      withVault(serverV1(add), options).connect(new StdioV1(toServer, toClient)),
    );
    expect((await ask("get_safe_view", args)).value).toMatchObject({ safe_view: "a record" });
    const resolved = await ask("resolve_handle", args);
    expect(JSON.stringify(resolved)).not.toContain(CANARY);
    expect(resolved.value).toMatchObject({ handle_id: expect.stringMatching(/^hdl_/) });
  });
});

describe("vaultTools", () => {
  it.each([
    ["an unknown option", { principalOf: byToken, reveal: true }],
    ["no principalOf", {}],
    ["an empty principal", { principalOf: "" }],
    ["a resolve that is no boolean", { principalOf: byToken, resolve: "yes" }],
  ])("refuses %s before it adds anything", async (_, options) => {
    await expect(vaultTools(new HandleVault(), options as never)).rejects.toThrow(
      /^(principalOf|resolve|vaultTools)/,
    );
  });
});
