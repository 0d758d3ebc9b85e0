/**
 * The data that different clients receive from the everything server and from a leaky server, through the
 * proxy.
 */
import { createMCPClient, type MCPClient } from "@ai-sdk/mcp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askForEverything } from "../mcp/support/ask-for-everything.js";
import { leaksIn, TOOL_NAMES } from "../mcp/support/leaky-server.js";
import { type AnyClient, recordingFetch } from "../mcp/support/lines.js";
import { connectOverHttp, RunningProxy } from "./support/http.js";
import { fileOf, memoryPolicy } from "./support/policies.js";
import { everything, ProxyProcess, script } from "./support/proxy-process.js";

const TOKEN = "alice".repeat(8);
const AUTH = "auth: { tokens: [{ env: TOKEN, subject: alice }] }\n";
/** A secret in the environment of the everything server, which has a tool that returns it. */
const SECRET = "canary everything 7f3a91";
/** Parts of the server's images, links, structured contents, sums, prompts and resources. */
const SHOWN =
  /canary everything|iVBORw0KGgo|demo:\/\/resource\/dynamic|humidity":|The sum of 2|simple prompt without/;
const ENVIRONMENT = {
  PATH: String(process.env["PATH"]),
  HANDLEVAULT_SUBJECT: "alice",
  TOKEN,
  SECRET,
};

type Asked = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const EVERYTHING: Asked = {
  "get-env": {},
  "get-structured-content": { location: "Chicago" },
  "get-annotated-message": { messageType: "error", includeImage: true },
  "get-tiny-image": {},
  "get-resource-links": { count: 2 },
  "get-resource-reference": { resourceType: "Text", resourceId: 1 },
  "get-sum": { a: 2, b: 3 },
  "trigger-long-running-operation": { duration: 0.01, steps: 2 },
  echo: { message: 7 },
  "no-such-tool": {},
};
const LEAKY: Asked = Object.fromEntries(TOOL_NAMES.map((name) => [name, {}]));
const URI = "demo://resource/static/document/architecture.md";

/** One client, and all bytes that it receives. */
interface Line {
  ask(): Promise<unknown>;
  received(): string;
  close(): Promise<unknown>;
}

const ignored = () => undefined;

function lineOf(client: AnyClient, received: () => string, close: () => Promise<unknown>): Line {
  return {
    async ask() {
      await askForEverything(client);
      for (const [name, args] of Object.entries(EVERYTHING)) {
        await client.callTool({ name, arguments: args }).catch(ignored);
      }
      await client.readResource({ uri: URI }).catch(ignored);
      await client.getPrompt({ name: "simple-prompt" }).catch(ignored);
    },
    received,
    close,
  };
}

/** Connects with the AI SDK's own client. */
function foreignLine(
  client: MCPClient,
  received: () => string,
  close: () => Promise<unknown>,
): Line {
  return {
    async ask() {
      const tools = await client.tools();
      for (const [name, args] of Object.entries({ ...LEAKY, ...EVERYTHING })) {
        const options = { toolCallId: name, messages: [] };
        await Promise.resolve(tools[name]?.execute(args as never, options)).catch(ignored);
      }
      await client.listResources().catch(ignored);
      await client.listResourceTemplates().catch(ignored);
      for (const uri of [URI, "x://1"]) await client.readResource({ uri }).catch(ignored);
      await client.experimental_listPrompts().catch(ignored);
      for (const name of ["simple-prompt", "p"]) {
        await client.experimental_getPrompt({ name }).catch(ignored);
      }
    },
    received,
    close,
  };
}

const CLIENTS = ["v1", "v2", "of the AI SDK"] as const;
type Client = (typeof CLIENTS)[number];
const UPSTREAMS = {
  "the everything server": ["everything", everything()],
  "a leaky server": ["leaky", script("leaky-process.ts", "v1")],
} as const;

async function overStdio(kind: Client, args: readonly string[]): Promise<Line> {
  const proxy = new ProxyProcess({ args, environment: ENVIRONMENT });
  const received = () => proxy.received;
  const close = () => proxy.hangUp();
  if (kind !== "of the AI SDK") return lineOf(await proxy.connect(kind), received, close);
  const client = await createMCPClient({ transport: proxy.transport() as never });
  return foreignLine(client, received, close);
}

async function overHttp(kind: Client, url: string): Promise<Line> {
  if (kind !== "of the AI SDK") {
    const { client, received } = await connectOverHttp(url, TOKEN, kind);
    return lineOf(client, received, () => client.close());
  }
  const { fetch, received } = recordingFetch();
  const headers = { authorization: `Bearer ${TOKEN}` };
  const client = await createMCPClient({ transport: { type: "http", url, headers, fetch } });
  return foreignLine(client, received, () => client.close());
}

async function expectNoSecret(line: Line): Promise<void> {
  await line.ask();
  await line.close();
  expect(leaksIn(line.received())).toEqual([]);
  expect(SHOWN.exec(line.received())?.[0]).toBeUndefined();
  expect(line.received().match(/hdl_[0-9a-f]{32}/g)?.length).toBeGreaterThan(8);
}

describe.each(Object.entries(UPSTREAMS))("the proxy before %s", (_, [server, command]) => {
  const args = (...more: readonly string[]) => {
    const policy = fileOf(memoryPolicy(server) + AUTH);
    return ["--policy", policy, "--server", server, ...more, "--", ...command];
  };

  it.each(CLIENTS)("gives no secret to a client %s over stdio", async (kind) => {
    await expectNoSecret(await overStdio(kind, args()));
  });

  describe("over HTTP", () => {
    let proxy: RunningProxy;
    let url: string;
    beforeAll(async () => {
      proxy = new RunningProxy(args("--listen", "0"), ENVIRONMENT);
      url = await proxy.url();
    });
    afterAll(() => proxy.stop());

    it.each(CLIENTS)("gives no secret to a client %s", async (kind) => {
      await expectNoSecret(await overHttp(kind, url));
    });
  });
});

describe("a policy that passes everything", () => {
  it.each(CLIENTS)(
    "shows all of it to a client %s, so that the secrets are there",
    async (kind) => {
      const policy = `${memoryPolicy("everything")}defaults: { unlisted: pass }\n`;
      const head = ["--policy", fileOf(policy), "--server", "everything"];
      const line = await overStdio(kind, [...head, "--", ...everything()]);
      await line.ask();
      await line.close();
      const parts = SHOWN.source.split("|");
      const seen = parts.filter((part) => new RegExp(part).test(line.received()));
      expect(seen).toEqual(parts);
    },
  );
});
