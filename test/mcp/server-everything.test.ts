import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  ResultSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HandleVault } from "../../src/index.js";
import { AgentPolicy, type PolicyOptions, withVault } from "../../src/mcp.js";
import { type AnyClient, LINES, type Servers } from "./support/lines.js";

const SCRIPT = fileURLToPath(
  import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"),
);
/** A secret in the environment of the process, which the tool get-env returns. */
const SECRET = "canary everything 7f3a91";
const INFO = { name: "bridge", version: "1.0.0" };
const CAPABILITIES = { tools: {}, resources: {}, prompts: {} };
const SCHEMAS = [
  ListToolsRequestSchema,
  CallToolRequestSchema,
  ListResourcesRequestSchema,
  ReadResourceRequestSchema,
  ListPromptsRequestSchema,
  GetPromptRequestSchema,
];

const SEALING: PolicyOptions = {
  servers: {
    everything: {
      tools: {
        "get-env": { seal: [{ at: "", grant: ["everything/echo"] }] },
        "get-structured-content": {
          seal: [{ at: "/temperature", safeView: { fixed: "a temperature" } }],
        },
        echo: { seal: "none", hydrate: [{ at: "/message" }], errors: "pass", texts: "pass" },
      },
    },
  },
};
const PASSING: PolicyOptions = { servers: {}, defaults: { unlisted: "pass" } };

let upstream: Client;

beforeAll(async () => {
  upstream = new Client(INFO);
  const env = { PATH: String(process.env["PATH"]), SECRET };
  await upstream.connect(
    new StdioClientTransport({ command: process.execPath, args: [SCRIPT], env, stderr: "ignore" }),
  );
});
afterAll(() => upstream.close());

/** Servers that forward every request to the process. */
function bridges(policy?: PolicyOptions): Servers {
  const v1 = () => {
    const server = new Server(INFO, { capabilities: CAPABILITIES });
    for (const schema of SCHEMAS) {
      server.setRequestHandler(schema, ({ method, params }) =>
        upstream.request({ method, params } as never, ResultSchema),
      );
    }
    return server;
  };
  const options = {
    vault: new HandleVault(),
    policy: new AgentPolicy(policy ?? PASSING),
    server: "everything",
    subjectOf: () => "alice",
    onWarning: () => undefined,
  };
  const made = policy === undefined ? v1 : () => withVault(v1(), options);
  return { v1: made, v2: made as never };
}

/** Requests everything that the process offers, except for calls that never end. */
async function ask(client: AnyClient): Promise<readonly unknown[]> {
  const call = (name: string, args: Record<string, unknown> = {}) =>
    client.callTool({ name, arguments: args });
  return [
    await client.listTools(),
    await call("get-env"),
    await call("get-structured-content", { location: "Chicago" }),
    await call("get-annotated-message", { messageType: "error", includeImage: true }),
    await call("get-tiny-image"),
    await call("get-resource-links", { count: 3 }),
    await call("get-sum", { a: 2, b: 3 }),
    await client.listPrompts(),
  ];
}

const lines = Object.entries(LINES).filter(([name]) => name.endsWith("server 1"));

describe.each(lines)("server-everything, over %s", (_, connect) => {
  it("reveals its environment to a client of the bare server", async () => {
    const line = await connect(bridges());
    await ask(line.client);
    await line.close();
    expect(line.received()).toContain(SECRET);
  });

  it("returns handles and no output of its tools", async () => {
    const line = await connect(bridges(SEALING));
    const answers = await ask(line.client);
    await line.close();
    expect(line.received()).not.toContain(SECRET);
    // The handles of the images, of the links, and of a sum.
    expect(line.received()).not.toMatch(/iVBORw0KGgo|demo:\/\/|The sum of 2/);
    expect(JSON.stringify(answers[2])).toContain('"safe_view":"a temperature"');
  });

  it("uses a value that it has returned and that the client never sees", async () => {
    const line = await connect(bridges(SEALING));
    const environment = await line.client.callTool({ name: "get-env", arguments: {} });
    const handle = /hdl_[0-9a-f]{32}/.exec(JSON.stringify(environment))?.[0] ?? "";
    const message = `${handle}#/SECRET`;
    const echoed = await line.client.callTool({ name: "echo", arguments: { message } });
    await line.close();
    expect(echoed.content).toEqual([{ type: "text", text: `Echo: ${message}` }]);
    expect(line.received()).not.toContain(SECRET);
  });

  it("responds as before behind a policy that passes everything", async () => {
    const answers = await Promise.all(
      [bridges(), bridges(PASSING)].map(async (servers) => {
        const line = await connect(servers);
        const all = await ask(line.client);
        await line.close();
        return all;
      }),
    );
    expect(answers[1]).toEqual(answers[0]);
  });
});
