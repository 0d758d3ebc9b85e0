/** Proxies for servers whose tools do not fit the policy refuse to serve. */
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { Server } from "@modelcontextprotocol/server";
import { afterEach, describe, expect, it } from "vitest";
import { connectOverHttp, RunningProxy, serve } from "./support/http.js";
import { fileOf } from "./support/policies.js";
import { call, ProxyProcess, script } from "./support/proxy-process.js";

const TOKEN = "alice".repeat(8);
const ENVIRONMENT = { ...process.env, HANDLEVAULT_SUBJECT: "alice", ALICE_TOKEN: TOKEN };
const REFUSAL =
  /^handlevault: policy \S+, line 5, column 21: the tool records\/use is refused: (\/\S+) (.+)$/m;

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const running of open.splice(0)) await running.stop();
});

/** Returns a policy that opens handles at a place of the tool `use`. */
function policyOf(at: string): string {
  return fileOf(`version: 1
vault: { cache: memory }
subject: \${HANDLEVAULT_SUBJECT}
auth: { tokens: [{ env: ALICE_TOKEN, subject: alice }] }
servers: { records: { tools: { use: { hydrate: [{ at: ${at} }], seal: none } } } }
`);
}

function argumentsFor(at: string, ...rest: readonly string[]): readonly string[] {
  return ["--policy", policyOf(at), "--server", "records", ...rest];
}

function start(args: readonly string[]): RunningProxy {
  const proxy = new RunningProxy(args, ENVIRONMENT);
  open.push(proxy);
  return proxy;
}

const RECORDS = ["--", ...script("records-process.ts")];

/** Returns a server of SDK 2 with one tool. */
function serverOf(ssn: Record<string, string>): Server {
  const server = new Server({ name: "any", version: "1.0.0" }, { capabilities: { tools: {} } });
  const inputSchema = { type: "object" as const, properties: { ssn } };
  server.setRequestHandler("tools/list", () => ({ tools: [{ name: "use", inputSchema }] }));
  const content = [{ type: "text" as const, text: "got something else" }];
  server.setRequestHandler("tools/call", () => ({ content }));
  return server;
}

/** A server with a tool argument that is sent in a header. */
const headerServer = () => serverOf({ type: "string", "x-mcp-header": "Ssn" });

/** A server that does not list its tools until the client has reported that it is ready. */
const lateServer = (instead = "") => `
let isReady = false;
const say = (id, result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
const fail = (id) => console.log(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32600, message: "early" } }));
const inputSchema = { type: "object", properties: { ssn: { type: "string" } } };
const introduction = {
  protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "late", version: "1" },
};
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const m = JSON.parse(line);
  if (m.method === "initialize") say(m.id, introduction);
  else if (m.method === "notifications/initialized") isReady = true;
  else if (!isReady) { ${instead} }
  else if (m.method === "tools/list") say(m.id, { tools: [{ name: "use", inputSchema }] });
  else if (m.method === "tools/call") say(m.id, { content: [{ type: "text", text: "ran" }] });
});
`;
const INITIALIZE = {
  jsonrpc: "2.0",
  id: "open",
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "client", version: "1.0.0" },
  },
};

function callOf(id: number) {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name: "use", arguments: {} } };
}

interface Answer {
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** Starts a proxy for a server, and returns a client that may send any message at any time. */
function early(server: string, at = "/ssn") {
  const proxy = start(argumentsFor(at, "--", process.execPath, "-e", server));
  const lines = createInterface({ input: proxy.output })[Symbol.asyncIterator]();
  return {
    proxy,
    send: (message: object) => proxy.input.write(`${JSON.stringify(message)}\n`),
    next: async (): Promise<Answer> => JSON.parse((await lines.next()).value),
  };
}

async function serveUntilTheEnd(server: () => Server): Promise<string> {
  const listening = await serve(server);
  open.unshift({ stop: () => listening.close() });
  return listening.url;
}

describe("a proxy over stdio", () => {
  it.each(["v1", "v2"] as const)(
    "ends with code 2 once a client of SDK %s has opened the server, and names the place",
    async (kind) => {
      const proxy = new ProxyProcess({ args: argumentsFor("/nothing", ...RECORDS) });
      const client = await proxy.connect(kind);
      expect(await proxy.exit()).toBe(2);
      expect(REFUSAL.exec(proxy.errors)?.[1]).toBe("/nothing");
      await client.close();
    },
  );

  it("refuses a call that arrives before the check is complete, and does not forward it", async () => {
    const proxy = start(argumentsFor("/nothing", ...RECORDS));
    const lines = [
      { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "use", arguments: {} } },
      [{ jsonrpc: "2.0", id: "8", method: "tools/list" }],
    ];
    for (const line of lines) proxy.input.write(`${JSON.stringify(line)}\n`);
    expect(await proxy.ended).toBe(2);
    const answers = proxy.received
      .trim()
      .split("\n")
      .flatMap((line) => JSON.parse(line));
    const refused = { code: -32600, message: expect.stringMatching(/^Not executed/) };
    expect(answers).toEqual([
      expect.objectContaining({ id: 7, error: refused }),
      expect.objectContaining({ id: "8", error: refused }),
    ]);
  });

  it.each(["v1", "2026-07-28"] as const)(
    "before a server over HTTP refuses a parameter in a header to a client of %s",
    async (kind) => {
      const url = await serveUntilTheEnd(headerServer);
      const proxy = start(argumentsFor("/ssn", "--url", url));
      const client = await proxy.connect(kind);
      // A client of this revision sends no message before its first request.
      await client.listTools().catch(() => undefined);
      expect(await proxy.ended).toBe(2);
      expect(REFUSAL.exec(String(proxy.errors.read()))?.slice(1)).toEqual([
        "/ssn",
        "travels in a header, where no handle is opened",
      ]);
    },
  );

  it.each(["v1", "2026-07-28"] as const)(
    "hides its own request from a client of %s if the tools fit",
    async (kind) => {
      const url = await serveUntilTheEnd(() => serverOf({ type: "string" }));
      const proxy = start(argumentsFor("/ssn", "--url", url));
      const client = await proxy.connect(kind);
      expect((await call(client, "use", { ssn: "1" })).texts).toEqual(["got something else"]);
      expect(await proxy.stop()).toBe(0);
      expect(proxy.received).not.toContain("handlevault-");
      const lines = proxy.received.trim().split("\n");
      expect(new Set(lines.map((line) => JSON.parse(line).id)).size).toBe(lines.length);
    },
  );

  it("holds some early requests, refuses the others at once, and reads what opens the connection", async () => {
    const { proxy, send, next } = early(lateServer());
    for (let id = 1; id <= 40; id++) send(callOf(id));
    send(INITIALIZE);
    const first = [];
    for (let count = 0; count < 25; count++) first.push(await next());
    const refused = first.filter(({ error }) => error !== undefined);
    expect(refused.map(({ id }) => id)).toEqual(Array.from({ length: 24 }, (_, at) => at + 17));
    const error = { code: -32600, message: expect.stringMatching(/^Not executed: too many/) };
    for (const answer of refused) expect(answer.error).toEqual(error);
    expect(first.at(-1)).toMatchObject({ id: "open", result: {} });
    // The server has dropped the earlier request, so the proxy asks again and does not wait for the first
    // response.
    send({ jsonrpc: "2.0", method: "notifications/initialized" });
    const held = [];
    for (let count = 0; count < 16; count++) held.push(await next());
    const ids = held.map(({ id }) => Number(id)).toSorted((a, b) => a - b);
    expect(ids).toEqual(Array.from({ length: 16 }, (_, at) => at + 1));
    for (const { result } of held) expect(result).toMatchObject({ content: [{ text: "ran" }] });
    expect(await proxy.stop()).toBe(0);
  });

  it("repeats the check of a server that refused requests before it was ready", async () => {
    const { proxy, send, next } = early(lateServer("fail(m.id)"), "/nothing");
    send(callOf(1));
    expect((await next()).error).toBeDefined();
    send(INITIALIZE);
    expect(await next()).toMatchObject({ id: "open", result: {} });
    send({ jsonrpc: "2.0", method: "notifications/initialized" });
    expect(await proxy.ended).toBe(2);
  });

  it("never forwards a delayed request that the client has cancelled", async () => {
    const { proxy, send, next } = early(lateServer());
    for (const id of [1, 2]) send(callOf(id));
    send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } });
    send(INITIALIZE);
    expect((await next()).id).toBe("open");
    send({ jsonrpc: "2.0", method: "notifications/initialized" });
    expect((await next()).id).toBe(2);
    send(callOf(3));
    expect((await next()).id).toBe(3);
    expect(await proxy.stop()).toBe(0);
  });

  it("sends an error for each delayed request when the server ends", async () => {
    const { proxy, send, next } = early(lateServer("process.exit()"));
    send(callOf(1));
    const error = { code: -32600, message: "Not executed: the server has ended." };
    expect(await next()).toMatchObject({ id: 1, error });
    expect(await proxy.ended).toBe(1);
  });

  it("does not wait any longer after an unreadable response", async () => {
    const { proxy, send, next } = early(lateServer(`console.log('{"jsonrpc":"2.0","id":')`));
    send(callOf(1));
    // The request was forwarded to a server that answers every request in this way.
    expect(await next()).toMatchObject({ id: 1, result: { isError: true } });
    expect(await proxy.stop()).toBe(0);
  });

  it("does not mistake another response for the response to its own request", async () => {
    const text = JSON.stringify({ jsonrpc: "2.0", id: "handlevault-1", result: { tools: [] } });
    const early = `console.log(${JSON.stringify(text)}); process.stdin.resume();
      process.stdin.once("data", () => console.log(${JSON.stringify(text)}));`;
    const proxy = start(argumentsFor("/ssn", "--", process.execPath, "-e", early));
    proxy.input.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    proxy.input.end('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    expect(await proxy.ended).toBe(0);
    expect(proxy.received).not.toContain("tools");
  });
});

describe("a policy under which only the owner can open a tool's results", () => {
  it.each([
    ["over stdio", []],
    ["over HTTP", ["--listen", "0"]],
  ])("causes a warning at the start, %s", async (_, listening) => {
    const policy = fileOf(`version: 1
vault: { cache: memory }
subject: alice
auth: { tokens: [{ env: ALICE_TOKEN, subject: alice }] }
servers: { records: { tools: { lookup: { seal: [{ at: "" }] }, use: { seal: none } } } }
`);
    const args = ["--policy", policy, "--server", "records", ...listening, ...RECORDS];
    const proxy = start(args);
    const errors = proxy.errors.iterator({ destroyOnReturn: false });
    const { value } = await errors.next();
    expect(String(value)).toMatch(/^warning: Nobody but the owner can open .* records\/lookup /);
  });
});

describe("a policy that names a tool which the server does not list", () => {
  const misnamed = (unknownNames: string) => [
    "--policy",
    fileOf(`version: 1
vault: { cache: memory }
subject: alice
auth: { tokens: [{ env: ALICE_TOKEN, subject: alice }] }
defaults: { unlisted: pass, unknownNames: ${unknownNames} }
servers: { records: { tools: { lookpu: { seal: none }, use: { seal: none } } } }
`),
    "--server",
    "records",
  ];
  const NAMED = /records\/lookpu, which the server does not list: did it mean records\/lookup\?/;

  it("causes a warning after the client has opened the session, which continues", async () => {
    const proxy = start([...misnamed("warn"), ...RECORDS]);
    const client = await proxy.connect("v1");
    await client.listTools();
    const errors = String(proxy.errors.read());
    expect(errors).toMatch(NAMED);
    expect(errors.match(/lookpu/g)).toHaveLength(1);
  });

  it("causes a warning before clients can connect over HTTP", async () => {
    const proxy = start([...misnamed("warn"), "--listen", "0", ...RECORDS]);
    const errors = new PassThrough();
    proxy.errors.pipe(errors);
    await proxy.url();
    expect(String(errors.read())).toMatch(NAMED);
  });

  it.each([
    ["over stdio", []],
    ["over HTTP", ["--listen", "0"]],
  ])("ends the proxy %s with code 2 if the policy requires it", async (_, listening) => {
    const proxy = start([...misnamed("refuse"), ...listening, ...RECORDS]);
    if (listening.length === 0)
      proxy.input.write('{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n');
    expect(await proxy.ended).toBe(2);
    expect(String(proxy.errors.read())).toMatch(NAMED);
  });
});

describe("a proxy that clients reach over HTTP", () => {
  it("does not listen where a tool does not fit, and ends with code 2", async () => {
    const proxy = start(argumentsFor("/nothing", "--listen", "0", ...RECORDS));
    expect(await proxy.ended).toBe(2);
    const errors = String(proxy.errors.read());
    expect(REFUSAL.exec(errors)?.[1]).toBe("/nothing");
    expect(errors).not.toContain("listening");
  });

  it("reports that it could not check the tools", async () => {
    const server = await serve(headerServer);
    const { url } = server;
    await server.close();
    const proxy = start(argumentsFor("/ssn", "--listen", "0", "--url", url));
    const errors = new PassThrough();
    proxy.errors.pipe(errors);
    await proxy.url();
    expect(String(errors.read())).toContain(
      "warning: the tools of the server could not be looked at",
    );
  });

  it("listens where the tools fit", async () => {
    const proxy = start(argumentsFor("/ssn", "--listen", "0", ...RECORDS));
    const { client } = await connectOverHttp(await proxy.url(), TOKEN);
    expect((await call(client, "use", { ssn: "1" })).texts).toEqual(["got something else"]);
    await client.close();
  });
});
