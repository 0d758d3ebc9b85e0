/**
 * The server for the conformance suite in both generations of the SDK, over HTTP on a loopback
 * port.
 */
import { randomUUID } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { Server as ServerV1 } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import * as requestsV1 from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler, Server as ServerV2 } from "@modelcontextprotocol/server";
import { CONFORMANCE_ANSWERS, type Params } from "./conformance-answers.js";

const INFO = { name: "conformance", version: "1.0.0" };
const CAPABILITIES = {
  tools: {},
  resources: { subscribe: true },
  prompts: {},
  completions: {},
  logging: {},
};

const SCHEMAS = [
  requestsV1.ListToolsRequestSchema,
  requestsV1.CallToolRequestSchema,
  requestsV1.ListResourcesRequestSchema,
  requestsV1.ListResourceTemplatesRequestSchema,
  requestsV1.ReadResourceRequestSchema,
  requestsV1.SubscribeRequestSchema,
  requestsV1.UnsubscribeRequestSchema,
  requestsV1.ListPromptsRequestSchema,
  requestsV1.GetPromptRequestSchema,
  requestsV1.CompleteRequestSchema,
  requestsV1.SetLevelRequestSchema,
];

export function conformanceServerV1(): ServerV1 {
  const server = new ServerV1(INFO, { capabilities: CAPABILITIES });
  for (const schema of SCHEMAS) {
    server.setRequestHandler(schema, async ({ method, params = {} }, extra) => {
      const peer = {
        progressToken: extra._meta?.progressToken,
        notify: (name: string, given: Params) =>
          extra.sendNotification({ method: name, params: given } as never),
        request: (name: string, given: Params) =>
          extra.sendRequest({ method: name, params: given } as never, requestsV1.ResultSchema),
      };
      return { ...(await CONFORMANCE_ANSWERS[method]?.(params as Params, peer)) };
    });
  }
  return server;
}

export function conformanceServerV2(): ServerV2 {
  const server = new ServerV2(INFO, { capabilities: CAPABILITIES });
  for (const [method, answer] of Object.entries(CONFORMANCE_ANSWERS)) {
    const handle = async ({ params = {} }: { params?: Params }, { mcpReq }: ContextV2) => {
      const inputs = { inputResponses: mcpReq.inputResponses };
      return answer(
        { ...params, ...inputs },
        {
          progressToken: mcpReq._meta?.progressToken,
          notify: (name, given) => mcpReq.notify({ method: name, params: given }),
          request: (name, given) => mcpReq.send({ method: name, params: given }),
        },
      );
    };
    server.setRequestHandler(method as never, handle as never);
  }
  return server;
}

/** The part of a handler's context that is used here. */
interface ContextV2 {
  readonly mcpReq: {
    readonly _meta?: { readonly progressToken?: string | number };
    readonly inputResponses?: unknown;
    notify(message: object): Promise<void>;
    send(message: object): Promise<unknown>;
  };
}

/** A server that listens. */
export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves SDK 1 with a session for each client. */
export function listenV1(make: () => ServerV1): Promise<Listening> {
  const sessions = new Map<unknown, StreamableHTTPServerTransport>();
  return listen(async (request, response) => {
    let transport = sessions.get(request.headers["mcp-session-id"]);
    if (transport === undefined) {
      const opened = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => void sessions.set(id, opened),
      });
      transport = opened;
      await make().connect(opened as never);
    }
    await transport.handleRequest(request, response);
  });
}

/** Serves SDK 2, with a server for each request. */
export function listenV2(make: () => ServerV2): Promise<Listening> {
  const handle = toNodeHandler(createMcpHandler(make));
  return listen((request, response) => void handle(request as never, response));
}

async function listen(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
