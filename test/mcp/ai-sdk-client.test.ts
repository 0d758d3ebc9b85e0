/**
 * Tests the AI SDK's own MCP client: the data that it receives from wrapped servers, and an agent
 * that uses it.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import {
  createMCPClient,
  type JSONRPCMessage,
  type MCPClient,
  type MCPTransport,
} from "@ai-sdk/mcp";
import { StdioServerTransport as StdioV1 } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StdioServerTransport as StdioV2, serveStdio } from "@modelcontextprotocol/server/stdio";
import { describe, expect, it } from "vitest";
import { HandleVault } from "../../src/index.js";
import { AgentPolicy, withVault } from "../../src/mcp.js";
import { leakyServerV1, leakyServerV2 } from "./support/leaky-sdk-servers.js";
import { leaksIn } from "./support/leaky-server.js";
import { listenerV1, listenerV2, recordingFetch, type Servers } from "./support/lines.js";

interface Line {
  readonly client: MCPClient;
  /** Every byte that the client has received, as text. */
  received(): string;
  close(): Promise<void>;
}

const CALL = { toolCallId: "1", messages: [] };

/** Lines of JSON over pipes, like the standard input and output of a process. */
class PipeTransport implements MCPTransport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly toServer = new PassThrough();
  readonly toClient = new PassThrough();
  received = "";
  #unread = "";

  async start(): Promise<void> {
    this.toClient.on("data", (chunk: Buffer) => this.#read(chunk.toString()));
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.toServer.write(`${JSON.stringify(message)}\n`);
  }

  async close(): Promise<void> {
    this.toServer.end();
    this.onclose?.();
  }

  #read(text: string): void {
    this.received += text;
    const lines = (this.#unread + text).split("\n");
    this.#unread = lines.pop() ?? "";
    for (const line of lines) this.onmessage?.(JSON.parse(line));
  }
}

async function overPipes(version: keyof Servers, servers: Servers): Promise<Line> {
  const transport = new PipeTransport();
  const { toServer, toClient } = transport;
  if (version === "v1") await servers.v1().connect(new StdioV1(toServer, toClient));
  else serveStdio(servers.v2, { transport: new StdioV2(toServer, toClient) });
  const client = await createMCPClient({ transport });
  return { client, received: () => transport.received, close: () => client.close() };
}

async function overHttp(version: keyof Servers, servers: Servers): Promise<Line> {
  const server = createServer(version === "v1" ? await listenerV1(servers) : listenerV2(servers));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { fetch, received } = recordingFetch();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const client = await createMCPClient({ transport: { type: "http", url, fetch } });
  return {
    client,
    received,
    async close() {
      await client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function askForEverything(client: MCPClient): Promise<void> {
  const ignored = () => undefined;
  const tools = await client.tools();
  for (const one of Object.values(tools)) {
    await Promise.resolve(one.execute?.({} as never, CALL)).catch(ignored);
  }
  await client.listResources().catch(ignored);
  await client.listResourceTemplates().catch(ignored);
  await client.readResource({ uri: "x://1" }).catch(ignored);
  await client.experimental_listPrompts().catch(ignored);
  await client.experimental_getPrompt({ name: "p" }).catch(ignored);
  const ref = { type: "ref/prompt" as const, name: "p" };
  await client.complete({ ref, argument: { name: "a", value: "" } }).catch(ignored);
}

const LINES = [
  ["pipes to a server of SDK 1", overPipes, "v1"],
  ["pipes to a server of SDK 2", overPipes, "v2"],
  ["HTTP to a server of SDK 1", overHttp, "v1"],
  ["HTTP to a server of SDK 2", overHttp, "v2"],
] as const;

const WRAPPING = {
  vault: new HandleVault(),
  policy: new AgentPolicy({ servers: { leaky: { tools: {} } } }),
  server: "leaky",
  subjectOf: () => "alice",
  onWarning: () => undefined,
};
const WRAPPED: Servers = {
  v1: () => withVault(leakyServerV1(), WRAPPING),
  v2: () => withVault(leakyServerV2(), WRAPPING),
};
const BARE: Servers = { v1: leakyServerV1, v2: leakyServerV2 };

describe.each(LINES)("the AI SDK's own client over %s", (_, connect, version) => {
  it("receives no secret of any carrier from a wrapped server", async () => {
    const line = await connect(version, WRAPPED);
    await askForEverything(line.client);
    await line.close();
    expect(leaksIn(line.received())).toEqual([]);
    expect(line.received()).toContain("hdl_");
  });

  it("receives the secrets of a bare server", async () => {
    const line = await connect(version, BARE);
    await askForEverything(line.client);
    await line.close();
    expect(leaksIn(line.received()).length).toBeGreaterThan(25);
  });
});
