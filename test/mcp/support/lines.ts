/**
 * Clients and servers of the SDK over real transports. Records every byte that the client receives.
 */
import { randomUUID } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpClientV2,
} from "@modelcontextprotocol/client";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpClientV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Server as ServerV1 } from "@modelcontextprotocol/sdk/server/index.js";
import type { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport as StdioV1 } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  createMcpHandler,
  type McpServer as McpServerV2,
  type Server as ServerV2,
} from "@modelcontextprotocol/server";
import { StdioServerTransport as StdioV2, serveStdio } from "@modelcontextprotocol/server/stdio";

/** The servers behind a connection: a new one for every connection. */
export interface Servers {
  readonly v1: () => ServerV1 | McpServerV1;
  readonly v2: () => ServerV2 | McpServerV2;
}

/** The client's identity from the transport's authentication, if there is any. */
type Authentication = { readonly subject: string } | undefined;

/** The methods of a client of either generation. */
export type AnyClient = ClientV1 | ClientV2;

/** A connection. */
export interface Line {
  readonly client: AnyClient;
  /** Every byte that the client has received, as text. */
  received(): string;
  close(): Promise<void>;
}

type Connect = (servers: Servers, authentication?: Authentication) => Promise<Line>;
type ClientKind = "v1" | "v2 legacy" | "v2 modern";

const CAPABILITIES = { sampling: {}, elicitation: {} };

function clientOf(kind: ClientKind): AnyClient {
  const info = { name: "client", version: "1.0.0" };
  if (kind === "v1") return new ClientV1(info, { capabilities: CAPABILITIES });
  const mode = kind === "v2 legacy" ? "legacy" : { pin: "2026-07-28" };
  return new ClientV2(info, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
}

/** Connects a server to two pipes, and returns the client's ends. */
async function openStdio(servers: Servers, server: keyof Servers) {
  const toServer = new PassThrough();
  const toClient = new PassThrough();
  const chunks: Buffer[] = [];
  toClient.on("data", (chunk: Buffer) => chunks.push(chunk));
  if (server === "v1") await servers.v1().connect(new StdioV1(toServer, toClient));
  else serveStdio(servers.v2, { transport: new StdioV2(toServer, toClient) });
  return {
    // The framing is the same in both directions.
    transport: new StdioV1(toClient, toServer),
    received: () => Buffer.concat(chunks).toString(),
  };
}

function stdio(kind: ClientKind, server: keyof Servers): Connect {
  return async (servers) => {
    const { transport, received } = await openStdio(servers, server);
    const client = clientOf(kind);
    await client.connect(transport as never);
    return { client, received, close: () => client.close() };
  };
}

/** Serves on a loopback port, and returns the client's connection to it. */
export async function openHttp(
  servers: Servers,
  server: keyof Servers,
  authentication?: Authentication,
) {
  const listener = server === "v1" ? await listenerV1(servers) : listenerV2(servers);
  const listening = createServer((request, response) => {
    listener(Object.assign(request, authInfoOf(authentication)), response);
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    ...recordingFetch(),
    async close() {
      listening.closeAllConnections();
      await new Promise((resolve) => listening.close(resolve));
    },
  };
}

function http(kind: ClientKind, server: keyof Servers): Connect {
  return async (servers, authentication) => {
    const { url, fetch, received, close } = await openHttp(servers, server, authentication);
    const client = clientOf(kind);
    const transport = new (kind === "v1" ? HttpClientV1 : HttpClientV2)(url, { fetch });
    await client.connect(transport as never);
    return {
      client,
      received,
      async close() {
        await client.close();
        await close();
      },
    };
  };
}

/** Returns the handler of requests for a server of SDK 1. */
export async function listenerV1({ v1 }: Servers): Promise<RequestListener> {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() });
  await v1().connect(transport as never);
  return (request, response) => void transport.handleRequest(request, response);
}

/** Returns the handler of requests for servers of SDK 2. */
export function listenerV2({ v2 }: Servers): RequestListener {
  const handle = toNodeHandler(createMcpHandler(v2));
  return (request, response) => void handle(request as never, response);
}

/** The data that a middleware passes to the SDK after it has checked a token. */
function authInfoOf(authentication: Authentication): object {
  if (authentication === undefined) return {};
  const { subject } = authentication;
  return { auth: { token: "t", clientId: "client", scopes: [], extra: { subject } } };
}

/** Returns a fetch function that records the headers and bodies that it receives. */
export function recordingFetch(): { readonly fetch: typeof fetch; received(): string } {
  const received: string[] = [];
  const decoder = new TextDecoder();
  const recording: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    received.push(JSON.stringify([...response.headers]));
    if (response.body === null) return response;
    const record = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        received.push(decoder.decode(chunk, { stream: true }));
        controller.enqueue(chunk);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(record), { status, statusText, headers });
  };
  return { fetch: recording, received: () => received.join("") };
}

/** Every compatible pair of client and server, by transport. */
export const LINES: Readonly<Record<string, Connect>> = {
  "stdio, client 1 to server 1": stdio("v1", "v1"),
  "stdio, client 1 to server 2": stdio("v1", "v2"),
  "stdio, client 2 to server 1": stdio("v2 legacy", "v1"),
  "stdio, client 2 to server 2, older revisions": stdio("v2 legacy", "v2"),
  "stdio, client 2 to server 2, revision 2026-07-28": stdio("v2 modern", "v2"),
  "HTTP, client 1 to server 1": http("v1", "v1"),
  "HTTP, client 1 to server 2": http("v1", "v2"),
  "HTTP, client 2 to server 1": http("v2 legacy", "v1"),
  "HTTP, client 2 to server 2, older revisions": http("v2 legacy", "v2"),
  "HTTP, client 2 to server 2, revision 2026-07-28": http("v2 modern", "v2"),
};
