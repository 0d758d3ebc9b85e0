/** A server that puts a different secret into everything that it sends. */
import { Buffer } from "node:buffer";

/** Every way in which a server's data can reach a client. */
export const CARRIERS = [
  "instructions",
  "tool-title",
  "tool-description",
  "tool-annotations",
  "tool-meta",
  "input-schema",
  "output-schema",
  "text",
  "json-text",
  "structured",
  "beside-structured",
  "image",
  "audio",
  "embedded-text",
  "embedded-blob",
  "link",
  "result-meta",
  "unknown-member",
  "error-result",
  "thrown-error",
  "error-data",
  "validation-error",
  "log",
  "logger",
  "progress",
  "sampling",
  "elicitation",
  "input-request",
  "request-state",
  "task-id",
  "task-status",
  "resource-list",
  "resource-templates",
  "resource-text",
  "resource-blob",
  "prompt-list",
  "prompt",
  "completion",
  "resource-updated",
] as const;

export type Carrier = (typeof CARRIERS)[number];

/** Returns the secret of a carrier. */
export function canary(carrier: Carrier): string {
  return `canary ${carrier} 7f3a91`;
}

/** Returns the carriers whose secret a client has received. */
export function leaksIn(received: string): readonly Carrier[] {
  return CARRIERS.filter((carrier) => {
    const secret = canary(carrier);
    return [secret, inBase64(secret), encodeURIComponent(secret)].some((form) =>
      received.includes(form),
    );
  });
}

function inBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** The actions of a handler besides returning a result. */
export interface Peer {
  notify(method: string, params: Record<string, unknown>): Promise<void>;
  request(method: string, params: Record<string, unknown>): Promise<unknown>;
  readonly progressToken: string | number | undefined;
}

type Result = Record<string, unknown>;

/** The tools by name, with their results or actions. */
const TOOLS: Readonly<Record<string, (peer: Peer) => Result | Promise<Result>>> = {
  text: () => ({ content: [{ type: "text", text: canary("text") }] }),
  json: () => ({ content: [{ type: "text", text: JSON.stringify({ a: canary("json-text") }) }] }),
  structured: () => ({
    content: [
      { type: "text", text: JSON.stringify({ secret: canary("structured"), open: 1 }) },
      { type: "image", data: inBase64(canary("beside-structured")), mimeType: "image/png" },
    ],
    structuredContent: { secret: canary("structured"), open: 1 },
  }),
  media: () => ({
    content: [
      { type: "image", data: inBase64(canary("image")), mimeType: "image/png" },
      { type: "audio", data: inBase64(canary("audio")), mimeType: "audio/wav" },
      { type: "resource", resource: { uri: "x://1", text: canary("embedded-text") } },
      { type: "resource", resource: { uri: "x://2", blob: inBase64(canary("embedded-blob")) } },
      { type: "resource_link", uri: `x://${encodeURIComponent(canary("link"))}`, name: "a link" },
    ],
  }),
  meta: () => ({
    content: [],
    _meta: { "example.org/secret": canary("result-meta") },
    extra: canary("unknown-member"),
  }),
  failing: () => ({ content: [{ type: "text", text: canary("error-result") }], isError: true }),
  throwing: () => {
    throw Object.assign(new Error(canary("thrown-error")), {
      code: -32602,
      data: { at: canary("error-data") },
    });
  },
  validating: () => ({
    content: [{ type: "text", text: `Invalid arguments: ${canary("validation-error")}` }],
    isError: true,
  }),
  notifying: async (peer) => {
    const data = canary("log");
    await peer.notify("notifications/message", { level: "error", logger: canary("logger"), data });
    await peer.notify("notifications/resources/updated", {
      uri: `x://${encodeURIComponent(canary("resource-updated"))}`,
    });
    if (peer.progressToken !== undefined) {
      await peer.notify("notifications/progress", {
        progressToken: peer.progressToken,
        progress: 1,
        message: canary("progress"),
      });
    }
    return { content: [] };
  },
  asking: async (peer) => {
    const message = { role: "user", content: { type: "text", text: canary("sampling") } };
    const requestedSchema = { type: "object", properties: {} };
    await peer
      .request("sampling/createMessage", { messages: [message], maxTokens: 1 })
      .catch(() => undefined);
    await peer
      .request("elicitation/create", { message: canary("elicitation"), requestedSchema })
      .catch(() => undefined);
    return { content: [] };
  },
  requiring: () => ({
    content: [],
    resultType: "input_required",
    inputRequests: {
      one: {
        method: "elicitation/create",
        params: {
          mode: "form",
          message: canary("input-request"),
          requestedSchema: { type: "object", properties: {} },
        },
      },
    },
    requestState: canary("request-state"),
  }),
  tasking: () => ({
    content: [],
    task: {
      taskId: canary("task-id"),
      status: "working",
      statusMessage: canary("task-status"),
      createdAt: "2026-01-01T00:00:00Z",
      lastUpdatedAt: "2026-01-01T00:00:00Z",
      ttl: null,
    },
  }),
};

export const TOOL_NAMES: readonly string[] = Object.keys(TOOLS);

export const INSTRUCTIONS: string = canary("instructions");

/** The methods besides `tools/call`, with their results. */
export const ANSWERS: Readonly<Record<string, Result>> = {
  "tools/list": {
    tools: TOOL_NAMES.map((name) => ({
      name,
      title: canary("tool-title"),
      description: canary("tool-description"),
      annotations: { title: canary("tool-annotations"), readOnlyHint: true },
      _meta: { "example.org/secret": canary("tool-meta") },
      inputSchema: {
        type: "object",
        properties: { name: { type: "string", description: canary("input-schema") } },
      },
      ...(name === "structured"
        ? {
            outputSchema: {
              type: "object",
              description: canary("output-schema"),
              properties: { secret: { type: "string" }, open: { type: "number" } },
              required: ["secret", "open"],
              additionalProperties: false,
            },
          }
        : {}),
    })),
  },
  "resources/list": { resources: [{ uri: "x://1", name: canary("resource-list") }] },
  "resources/templates/list": {
    resourceTemplates: [{ uriTemplate: "x://{id}", name: canary("resource-templates") }],
  },
  "resources/read": {
    contents: [
      { uri: "x://1", text: canary("resource-text") },
      { uri: "x://2", blob: inBase64(canary("resource-blob")) },
    ],
  },
  "prompts/list": { prompts: [{ name: "p", description: canary("prompt-list") }] },
  "prompts/get": {
    messages: [{ role: "user", content: { type: "text", text: canary("prompt") } }],
  },
  "completion/complete": { completion: { values: [canary("completion")] } },
};

/** Runs a tool. */
export async function callTool(name: string, peer: Peer): Promise<Result> {
  const tool = TOOLS[name];
  if (tool === undefined) throw new Error("no such tool");
  return tool(peer);
}

export const CAPABILITIES = {
  tools: {},
  resources: {},
  prompts: {},
  completions: {},
  logging: {},
};
