/** The leaky server in both generations of the SDK. */
import { Server as ServerV1 } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  ResultSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { Server as ServerV2 } from "@modelcontextprotocol/server";
import { HandleVault } from "../../../src/index.js";
import { AgentPolicy, type PolicyOptions, withVault } from "../../../src/mcp.js";
import { ANSWERS, CAPABILITIES, callTool, INSTRUCTIONS } from "./leaky-server.js";

const INFO = { name: "leaky", version: "1.0.0" };
const OPTIONS = { capabilities: CAPABILITIES, instructions: INSTRUCTIONS };

/** A short timeout for requests that some clients never answer. */
const TIMEOUT_MS = 200;

const LISTS = [
  ListToolsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ReadResourceRequestSchema,
  ListPromptsRequestSchema,
  GetPromptRequestSchema,
  CompleteRequestSchema,
];

export function leakyServerV1(): ServerV1 {
  const server = new ServerV1(INFO, OPTIONS);
  for (const schema of LISTS) {
    server.setRequestHandler(schema, ({ method }) => ANSWERS[method] ?? {});
  }
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
    callTool(params.name, {
      progressToken: extra._meta?.progressToken,
      notify: (method, given) => extra.sendNotification({ method, params: given } as never),
      request: (method, given) =>
        extra.sendRequest({ method, params: given } as never, ResultSchema, {
          timeout: TIMEOUT_MS,
        }),
    }),
  );
  return server;
}

export function leakyServerV2(): ServerV2 {
  const server = new ServerV2(INFO, OPTIONS);
  for (const method of Object.keys(ANSWERS)) {
    server.setRequestHandler(method as never, (() => ANSWERS[method]) as never);
  }
  server.setRequestHandler("tools/call", async ({ params }, { mcpReq }) => {
    const result = await callTool(params.name, {
      progressToken: mcpReq._meta?.progressToken,
      notify: (method, given) => mcpReq.notify({ method, params: given } as never),
      request: (method, given) =>
        mcpReq.send({ method, params: given } as never, { timeout: TIMEOUT_MS }),
    });
    return result as never;
  });
  return server;
}

/** The leaky server without a policy. */
export const BARE = { v1: leakyServerV1, v2: leakyServerV2 };

/** Seals all of the leaky server's tools, some by rules of their own. */
export const SEALING: PolicyOptions = {
  servers: {
    leaky: {
      tools: {
        text: { seal: [{ at: "", safeView: { fixed: "a text" }, grant: ["leaky/json"] }] },
        structured: { seal: [{ at: "/secret" }] },
        json: { show: [] },
      },
    },
  },
};

/** The leaky server behind a policy, for alice. */
export function sealedServers(policy: PolicyOptions = SEALING): typeof BARE {
  const options = {
    vault: new HandleVault(),
    policy: new AgentPolicy(policy),
    server: "leaky",
    subjectOf: () => "alice",
    onWarning: () => undefined,
  };
  return {
    v1: () => withVault(leakyServerV1(), options),
    v2: () => withVault(leakyServerV2(), options),
  };
}
