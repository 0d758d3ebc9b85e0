/**
 * Tests how a server starts whose tools do not match their rules: it fails before a client can send
 * a request.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { HandleVault } from "../../src/index.js";
import { surveyTools } from "../../src/mcp/filter/tool-survey.js";
import { AgentPolicy, type JsonObject, type PolicyOptions, withVault } from "../../src/mcp.js";
import { listenerV2, type Servers } from "./support/lines.js";

const INFO = { name: "desk", version: "1.0.0" };
const TEXT = { content: [{ type: "text" as const, text: "done" }] };
const RULES = (at: string) => ({
  servers: { desk: { tools: { use: { seal: "none" as const, hydrate: [{ at }] } } } },
});

const misnamed = (unknownNames: "warn" | "refuse"): PolicyOptions => ({
  defaults: { unlisted: "pass", unknownNames },
  servers: { desk: { tools: { usse: { seal: "none" } } } },
});

interface Desk extends Servers {
  readonly warnings: readonly string[];
}

/**
 * Servers with one tool, which takes `value`, under a policy that opens handles at a given place.
 */
function desk(rules: string | PolicyOptions, value: z.ZodType = z.string()): Desk {
  const warnings: string[] = [];
  const options = {
    vault: new HandleVault(),
    policy: new AgentPolicy(typeof rules === "string" ? RULES(rules) : rules),
    server: "desk",
    subjectOf: () => "alice",
    onWarning: (text: string) => void warnings.push(text),
  };
  const config = { inputSchema: z.object({ value }) };
  return {
    warnings,
    v1() {
      const server = new McpServerV1(INFO);
      server.registerTool("use", config, () => TEXT);
      return withVault(server, options);
    },
    v2() {
      const server = new McpServerV2(INFO);
      server.registerTool("use", config, () => TEXT);
      return withVault(server, options);
    },
  };
}

/** A transport that records whether it was started and which messages were sent. */
function transportOf() {
  const noted = { starts: 0, sent: [] as unknown[] };
  const transport = {
    start: async () => void noted.starts++,
    send: async (message: unknown) => void noted.sent.push(message),
    close: async () => undefined,
  };
  return { noted, transport };
}

const MISFITS = [
  ["a place that its schema does not have", "/nothing", z.string(), /desk\/use.*\/nothing cannot/],
  [
    "a parameter that travels in a header",
    "/value",
    z.string().meta({ "x-mcp-header": "Value" }),
    /desk\/use.*\/value travels in a header/,
  ],
] as const;

describe.each(["v1", "v2"] as const)("a server of SDK %s", (generation) => {
  it("starts with a warning of a name in the policy that it does not have", async () => {
    const { noted, transport } = transportOf();
    const servers = desk(misnamed("warn"));
    await servers[generation]().connect(transport as never);
    expect(noted.starts).toBe(1);
    expect(servers.warnings).toEqual([expect.stringMatching(/desk\/usse.*mean desk\/use\?/)]);
  });

  it("does not start for such a name where the policy refuses it", async () => {
    const { noted, transport } = transportOf();
    const connecting = desk(misnamed("refuse"))
      [generation]()
      .connect(transport as never);
    await expect(connecting).rejects.toThrow(/desk\/usse/);
    expect(noted.starts).toBe(0);
  });

  it.each(MISFITS)("does not start for %s", async (_, at, value, message) => {
    const { noted, transport } = transportOf();
    const servers = desk(at, value);
    const connecting = servers[generation]().connect(transport as never);
    await expect(connecting).rejects.toThrow(RangeError);
    await expect(connecting).rejects.toThrow(message);
    expect(servers.warnings).toEqual([expect.stringMatching(message)]);
    expect(noted).toEqual({ starts: 0, sent: [] });
  });

  it("starts where its tools match, and its client sees no message of the check", async () => {
    const { noted, transport } = transportOf();
    await desk("/value")
      [generation]()
      .connect(transport as never);
    expect(noted).toEqual({ starts: 1, sent: [] });
  });
});

const LEGACY = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: INFO },
};
const MODERN = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/list",
  params: {
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": INFO,
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  },
};

describe.each([
  ["2025-11-25", LEGACY],
  ["2026-07-28", MODERN],
] as const)("an entry of SDK 2 that is asked in revision %s", (revision, message) => {
  it("over stdio fails at the first message if a tool does not match", async () => {
    const [toServer, toClient] = [new PassThrough(), new PassThrough()];
    const transport = new StdioServerTransport(toServer, toClient);
    const servers = desk("/nothing");
    const told = new Promise<Error>((onerror) => {
      serveStdio(servers.v2, { transport, onerror });
    });
    toServer.write(`${JSON.stringify(message)}\n`);
    expect((await told).message).toMatch(/desk\/use is refused: \/nothing/);
    expect(servers.warnings).toHaveLength(1);
    expect(String(toClient.read() ?? "")).not.toContain("nothing");
  });

  it("over HTTP responds only that it failed", async () => {
    const servers = desk("/nothing");
    const listening = createServer(listenerV2(servers)).listen(0, "127.0.0.1");
    await once(listening, "listening");
    const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/mcp`;
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": revision,
      "mcp-method": message.method,
    };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(message) });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toMatch(/nothing|use/);
    expect(servers.warnings).toHaveLength(1);
    listening.closeAllConnections();
    await new Promise((resolve) => listening.close(resolve));
  });
});

describe("a survey of tools", () => {
  const misfit = { name: "use", inputSchema: { type: "object" } };
  const survey = (ask: (params: JsonObject) => Promise<JsonObject | undefined>) =>
    surveyTools({ policy: new AgentPolicy(RULES("/value")), server: "desk", ask, patienceMs: 20 });
  const PROBLEM = expect.stringMatching(/desk\/use is refused: \/value cannot be found/);

  it("reads every page", async () => {
    const pages: Record<string, JsonObject> = {
      first: { tools: [{ name: "other", inputSchema: {} }], nextCursor: "second" },
      second: { tools: [misfit] },
    };
    const { isComplete, problems } = await survey(
      async ({ cursor = "first" }) => pages[String(cursor)],
    );
    expect({ isComplete, problems }).toEqual({ isComplete: true, problems: [PROBLEM] });
  });

  it("ends even if a server's pages do not end", async () => {
    let asked = 0;
    const endless = async () => {
      asked += 1;
      return { tools: [], nextCursor: "again" };
    };
    expect(await survey(endless)).toEqual({ isComplete: false, problems: [], warnings: [] });
    expect(asked).toBe(100);
  });

  it("is incomplete without a response, and keeps its findings so far", async () => {
    expect(await survey(async () => undefined)).toEqual({
      isComplete: false,
      problems: [],
      warnings: [],
    });
    const silent = () => new Promise<undefined>(() => undefined);
    expect(await survey(silent)).toEqual({ isComplete: false, problems: [], warnings: [] });
    const half = async ({ cursor }: JsonObject) =>
      cursor === undefined ? { tools: [misfit], nextCursor: "2" } : silent();
    expect(await survey(half)).toEqual({ isComplete: false, problems: [PROBLEM], warnings: [] });
  });
});
