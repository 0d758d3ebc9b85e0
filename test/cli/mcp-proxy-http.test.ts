import { once } from "node:events";
import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { text as textOf } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { askForEverything } from "../mcp/support/ask-for-everything.js";
import { leakyServerV2 } from "../mcp/support/leaky-sdk-servers.js";
import { leaksIn } from "../mcp/support/leaky-server.js";
import { TestIssuer } from "../support/tokens.js";
import { connectOverHttp, type ListeningServer, RunningProxy, serve } from "./support/http.js";
import { fileOf, memoryPolicy } from "./support/policies.js";
import { call, handleIn, script } from "./support/proxy-process.js";

const ALICE = "alice".repeat(8);
const BOB = "bob".repeat(12);
const UPSTREAM = "upstream".repeat(5);
const ENVIRONMENT = {
  ...process.env,
  HANDLEVAULT_SUBJECT: "alice",
  ALICE_TOKEN: ALICE,
  BOB_TOKEN: BOB,
  UPSTREAM_TOKEN: UPSTREAM,
};
/** More headers than Node accepts by default. */
const MANY = Object.fromEntries(Array.from({ length: 1500 }, (_, index) => [`x${index}`, "1"]));
const INFO = { name: "client", version: "1.0.0" };
const AUTH = `auth:
  tokens: [{ env: ALICE_TOKEN, subject: alice }, { env: BOB_TOKEN, subject: bob }]
`;
const RECORDS = `version: 1
vault: { cache: memory }
servers:
  records:
    tools:
      lookup: { seal: [{ at: "", safeView: { fixed: a number }, grant: [records/use] }] }
      use: { hydrate: [{ at: /ssn }], seal: none, errors: pass }
      environment: { seal: none }
`;

/** A policy for a tool whose results pass unchanged. */
const PLAIN = `version: 1
vault: { cache: memory }
subject: alice
servers: { records: { tools: { show: { seal: none, errors: pass } } } }
`;
/** Messages that JSON.parse would change, or would read to any depth. */
const UNREADABLE: readonly (readonly [string, string])[] = [
  ["an integer beyond 2^53", "1234567890123456789"],
  ["a number beyond all doubles", "1e400"],
  ["nesting over the bound", `${"[".repeat(300)}${"]".repeat(300)}`],
  ["a member twice", '{"a":1,"a":2}'],
];

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const running of open.splice(0)) await running.stop();
});

function start(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = ENVIRONMENT,
): RunningProxy {
  const proxy = new RunningProxy(args, environment);
  open.push(proxy);
  return proxy;
}

async function leakyOverHttp(): Promise<ListeningServer> {
  const server = await serve(leakyServerV2);
  open.unshift({ stop: () => server.close() });
  return server;
}

function listening(policy: string, ...rest: readonly string[]): RunningProxy {
  const args = ["--policy", fileOf(policy), "--server", "records", "--listen", "0"];
  return start([...args, ...(rest.length > 0 ? rest : ["--", ...script("records-process.ts")])]);
}

describe("a proxy for a server over HTTP", () => {
  it.each(["v1", "2026-07-28"] as const)(
    "lets no secret through to a client of %s",
    async (kind) => {
      const server = await leakyOverHttp();
      const policy = fileOf(memoryPolicy("leaky"));
      const proxy = start(["--policy", policy, "--server", "leaky", "--url", server.url]);
      await askForEverything(await proxy.connect(kind));
      expect(await proxy.stop()).toBe(0);
      expect(leaksIn(proxy.received)).toEqual([]);
      expect(proxy.received).toContain("hdl_");
    },
  );

  it("sends the server the token that is configured for it", async () => {
    const server = await leakyOverHttp();
    const args = ["--policy", fileOf(memoryPolicy("leaky")), "--server", "leaky"];
    const proxy = start([...args, "--url", server.url, "--url-token-env", "UPSTREAM_TOKEN"]);
    await (await proxy.connect()).listTools();
    const shown = new Set(server.headers.map(({ authorization }) => authorization));
    expect(shown).toEqual(new Set([`Bearer ${UPSTREAM}`]));
  });

  it("sends its client an error when the server is gone", async () => {
    const server = await leakyOverHttp();
    const policy = fileOf(memoryPolicy("leaky"));
    const proxy = start(["--policy", policy, "--server", "leaky", "--url", server.url]);
    const client = await proxy.connect();
    await server.close();
    expect((await call(client, "text")).texts.join()).toMatch(/may have been executed/);
  });

  it("completes pending responses after its client has disconnected", async () => {
    const server = await leakyOverHttp();
    const policy = fileOf(memoryPolicy("leaky"));
    const proxy = start(["--policy", policy, "--server", "leaky", "--url", server.url]);
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: INFO };
    const message = { jsonrpc: "2.0", id: 1, method: "initialize", params };
    proxy.input.end(`${JSON.stringify(message)}\n`);
    expect(await proxy.ended).toBe(0);
    expect(JSON.parse(proxy.received)).toMatchObject({ id: 1, result: {} });
  });

  it.each([
    ["is cut off", (response: ServerResponse) => response.destroy()],
    ["ends without an answer", (response: ServerResponse) => response.end()],
    ["has a message over the bound", (response: ServerResponse) => sendTooMuch(response)],
  ])("sends its client an error when a stream of the server %s", async (_, answer) => {
    const url = await streaming(answer);
    const policy = fileOf(memoryPolicy("any"));
    const proxy = start(["--policy", policy, "--server", "any", "--url", url]);
    proxy.input.write('{"jsonrpc":"2.0","id":5,"method":"ping"}\n');
    const [line] = await once(proxy.output, "data");
    expect(JSON.parse(String(line))).toMatchObject({ id: 5, error: { code: -32603 } });
  });

  it.each(
    UNREADABLE.flatMap(([what, value]) => [
      [what, "as JSON", value],
      [what, "as an event of a stream that goes on", value],
    ]),
  )("fails only the call whose response has %s, %s", async (_, form, value) => {
    const reply = (id: unknown) =>
      `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"id":${value}}}}`;
    const waiting: (() => void)[] = [];
    const url = await answering((id, response) => {
      if (waiting.length === 0) {
        waiting.push(() => sendJson(response, reply(id).replace(value, "9007199254740991")));
      } else if (form === "as JSON") sendJson(response, reply(id));
      else sendEvent(response, reply(id));
    });
    const proxy = start(["--policy", fileOf(PLAIN), "--server", "records", "--url", url]);
    const answers = jsonLines(proxy);
    const params = { name: "show", arguments: {} };
    for (const id of [1, 2]) {
      proxy.input.write(
        `${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params })}\n`,
      );
    }
    const { value: failed } = await answers.next();
    const text = expect.stringMatching(/may have been executed/);
    expect(failed.result).toMatchObject({ isError: true, content: [{ text }] });
    for (const answer of waiting) answer();
    const { value: kept } = await answers.next();
    expect(kept.result).toMatchObject({ structuredContent: { id: 9_007_199_254_740_991 } });
    expect([failed.id, kept.id].toSorted()).toEqual([1, 2]);
  });

  it.each([
    ["an id as a text", (id: unknown) => `{"jsonrpc":"2.0","id":"${id}","result":{}}`],
    ["no error", (id: unknown) => `{"jsonrpc":"2.0","id":${id},"result":{},"error":null}`],
    ["a byte order mark", (id: unknown) => `\ufeff{"jsonrpc":"2.0","id":${id},"result":{}}`],
  ])("reads a response with %s as it does over stdio", async (_, reply) => {
    const url = await answering((id, response) => sendEvent(response, reply(id)));
    const proxy = start(["--policy", fileOf(PLAIN), "--server", "records", "--url", url]);
    const answers = jsonLines(proxy);
    proxy.input.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    expect((await answers.next()).value).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
  });

  it("refuses to start if the configured token is not set", async () => {
    const args = ["--policy", fileOf(memoryPolicy("leaky")), "--server", "leaky"];
    const rest = ["--url", "http://127.0.0.1:1/mcp", "--url-token-env", "NO_SUCH_TOKEN"];
    expect(await start([...args, ...rest]).ended).toBe(2);
  });
});

describe("a proxy that clients reach over HTTP", () => {
  it.each(["v1", "v2"] as const)("lets no secret through to a client of SDK %s", async (kind) => {
    const command = script("leaky-process.ts", "v1");
    const args = ["--policy", fileOf(memoryPolicy("leaky") + AUTH), "--server", "leaky"];
    const proxy = start([...args, "--listen", "0", "--", ...command]);
    const { client, received } = await connectOverHttp(await proxy.url(), ALICE, kind);
    await askForEverything(client);
    await client.close();
    await proxy.stop();
    expect(leaksIn(received())).toEqual([]);
    expect(received()).toContain("hdl_");
  });

  it("takes the subject from the token: a subject cannot use the handles of another", async () => {
    const url = await listening(RECORDS + AUTH).url();
    const { client: alice } = await connectOverHttp(url, ALICE);
    const { client: bob } = await connectOverHttp(url, BOB);
    const ssn = handleIn((await call(alice, "lookup")).texts);
    expect((await call(bob, "use", { ssn })).texts.join()).toMatch(/^Not executed/);
    expect((await call(alice, "use", { ssn })).texts).toEqual([`got the number: ${ssn}`]);
  });

  it("never sends its clients' tokens to the server", async () => {
    const server = await leakyOverHttp();
    const { url, port } = { url: server.url, port: "0" };
    const args = ["--policy", fileOf(memoryPolicy("leaky") + AUTH), "--server", "leaky"];
    const proxy = start([...args, "--listen", port, "--url", url]);
    const { client } = await connectOverHttp(await proxy.url(), ALICE);
    await client.listTools();
    await client.close();
    expect(server.headers.length).toBeGreaterThan(1);
    expect(JSON.stringify(server.headers)).not.toContain(ALICE);
    expect(server.headers.some(({ authorization }) => authorization !== undefined)).toBe(false);
  });

  it("starts servers without the tokens of its clients", async () => {
    const url = await listening(RECORDS + AUTH).url();
    const { client } = await connectOverHttp(url, ALICE);
    const { texts } = await call(client, "environment");
    expect(texts.join()).toContain("PATH");
    expect(texts.join()).not.toMatch(/ALICE_TOKEN|BOB_TOKEN/);
  });

  it("authenticates clients by JWTs of an issuer", async () => {
    const issuer = new TestIssuer();
    const key = fileOf(String(issuer.publicKey.export({ type: "spki", format: "pem" })));
    const claims = `issuer: ${TestIssuer.issuer}, audience: ${TestIssuer.audience}`;
    const url = await listening(
      `${RECORDS}auth: { jwt: { ${claims}, key: { file: ${key} } } }\n`,
    ).url();
    const { client } = await connectOverHttp(url, issuer.token(Date.now()));
    expect((await call(client, "lookup")).texts.join()).toContain("hdl_");
    const expired = issuer.token(Date.now() - 3_600_000);
    await expect(connectOverHttp(url, expired)).rejects.toThrow();
  });

  it("allows a session only to the subject that began it", async () => {
    const url = await listening(RECORDS + AUTH).url();
    const { sessionId } = await connectOverHttp(url, ALICE);
    const session = { "mcp-session-id": String(sessionId()) };
    const statusOf = (token: string) => post(url, { ...session, authorization: `Bearer ${token}` });
    expect(await statusOf(BOB)).toMatchObject({ status: 404 });
    expect(await statusOf(ALICE)).toMatchObject({ status: 200 });
  });

  it.each([
    ["without a token", {}, 401],
    ["with another token", { authorization: `Bearer ${"other".repeat(8)}` }, 401],
    ["that name another host", { authorization: `Bearer ${ALICE}`, host: "evil.example" }, 421],
    ["of web pages", { authorization: `Bearer ${ALICE}`, origin: "https://evil.example" }, 403],
    [
      "of web pages, whose origin stands behind 1,500 other headers",
      { authorization: `Bearer ${ALICE}`, ...MANY, origin: "https://evil.example" },
      403,
    ],
    [
      "of a session that is not there",
      { authorization: `Bearer ${ALICE}`, "mcp-session-id": "x" },
      404,
    ],
    ["that begin no session", { authorization: `Bearer ${ALICE}` }, 400],
  ])("refuses requests %s", async (_, headers, status) => {
    const url = await listening(RECORDS + AUTH).url();
    expect(await post(url, headers)).toMatchObject({ status });
  });

  it("refuses a session whose server cannot be started, and keeps running", async () => {
    const limits = ["--max-sessions", "1"];
    const proxy = listening(RECORDS + AUTH, ...limits, "--", "no-such-command");
    const url = await proxy.url();
    for (const token of [ALICE, BOB, ALICE]) {
      expect(refusalIn(await initialize(url, token))).toBe(
        "The server cannot be started or reached",
      );
    }
    expect(await proxy.stop()).toBe(0);
  });

  it("limits the sessions of each subject, and reports when the limit is reached", async () => {
    const upstream = await introducing();
    const limits = ["--max-sessions", "3", "--max-sessions-per-subject", "2"];
    const url = await listening(PLAIN + AUTH, ...limits, "--url", upstream).url();
    const first = await initialize(url, ALICE);
    expect([first.status, (await initialize(url, ALICE)).status]).toEqual([200, 200]);
    expect(refusalIn(await initialize(url, ALICE))).toMatch(/^The subject has as many sessions/);
    expect((await initialize(url, BOB)).status).toBe(200);
    expect(refusalIn(await initialize(url, BOB))).toMatch(/^There are as many sessions/);
    await endSession(url, ALICE, first);
    expect((await initialize(url, BOB)).status).toBe(200);
  });

  it("reserves no session for a request that is refused", async () => {
    const upstream = await introducing();
    const url = await listening(PLAIN + AUTH, "--max-sessions", "1", "--url", upstream).url();
    const authorization = `Bearer ${ALICE}`;
    const notAcceptable = await post(url, { authorization, accept: "text/plain" }, INITIALIZE);
    expect(notAcceptable.status).toBe(406);
    expect((await post(url, { authorization }, `[${INITIALIZE}]`)).status).toBe(200);
  });

  it("begins a new session for a client whose server has died", async () => {
    const url = await listening(RECORDS.replace("environment", "die") + AUTH).url();
    const { client } = await connectOverHttp(url, ALICE);
    expect((await call(client, "die")).texts.join()).toMatch(/may have been executed/);
    await expect(call(client, "lookup")).rejects.toThrow();
    const { client: again } = await connectOverHttp(url, ALICE);
    expect((await call(again, "lookup")).texts.join()).toContain("hdl_");
  });

  it.each<readonly [string, string]>([...UNREADABLE, ["what is no JSON", "{"]])(
    "refuses a message with %s, and the server never gets it",
    async (_, value) => {
      const proxy = listening(RECORDS + AUTH);
      const url = await proxy.url();
      const { client, sessionId } = await connectOverHttp(url, ALICE);
      const headers = { authorization: `Bearer ${ALICE}`, "mcp-session-id": String(sessionId()) };
      const params = `{"name":"use","arguments":{"ssn":"1","more":${value}}}`;
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
      const { status, text } = await post(url, headers, body);
      expect(status).toBe(400);
      const error = { code: -32700, message: "Parse error" };
      expect(JSON.parse(text)).toEqual({ jsonrpc: "2.0", id: null, error });
      expect((await call(client, "use", { ssn: "1" })).texts).toEqual(["got something else"]);
    },
  );

  it("refuses every message over the size limit", async () => {
    const url = await listening(RECORDS + AUTH).url();
    const headers = { authorization: `Bearer ${ALICE}` };
    const { status, text } = await post(url, headers, `"${"x".repeat(16 * 1024 * 1024)}"`);
    expect(status).toBe(413);
    expect(JSON.parse(text)).toMatchObject({ id: null, error: { code: -32000 } });
  });

  it("asks for a bearer token", async () => {
    const url = await listening(RECORDS + AUTH).url();
    const { headers } = await post(url, {});
    expect(headers["www-authenticate"]).toMatch(/^Bearer /);
  });

  it("has nothing at other paths", async () => {
    const url = await listening(RECORDS + AUTH).url();
    const authorization = `Bearer ${ALICE}`;
    expect(await post(url.replace("/mcp", "/other"), { authorization })).toMatchObject({
      status: 404,
    });
  });

  it("ends every session when it is stopped", async () => {
    const proxy = listening(RECORDS + AUTH);
    const url = await proxy.url();
    await connectOverHttp(url, ALICE);
    await connectOverHttp(url, BOB);
    expect(await proxy.stop()).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  it("does not start without auth, or where other machines could read the traffic", async () => {
    expect(await listening(RECORDS).ended).toBe(2);
    const args = ["--policy", fileOf(PLAIN + AUTH), "--server", "records", "--listen", "0.0.0.0:0"];
    expect(await start([...args, "--", "node"]).ended).toBe(1);
    const missing = { ...ENVIRONMENT, BOB_TOKEN: "" };
    const local = ["--policy", fileOf(RECORDS + AUTH), "--server", "records", "--listen", "0"];
    expect(await start([...local, "--", "node"], missing).ended).toBe(2);
  });
});

/** Serves streams that begin like a response. */
function streaming(go: (response: ServerResponse) => void): Promise<string> {
  return answering((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": begins\n\n", () => go(response));
  });
}

/** Serves only the opening of a session. */
function introducing(): Promise<string> {
  const result = { protocolVersion: "2025-06-18", capabilities: {}, serverInfo: INFO };
  return answering((id, response) => {
    if (id === undefined) response.writeHead(202).end();
    else sendJson(response, JSON.stringify({ jsonrpc: "2.0", id, result }));
  });
}

/** Serves responses to the posted requests, by their ids. */
async function answering(go: (id: unknown, response: ServerResponse) => void): Promise<string> {
  const server = createServer((incoming, response) => {
    if (incoming.method !== "POST") return void response.writeHead(405).end();
    void textOf(incoming).then((body) => go(JSON.parse(body).id, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

function sendTooMuch(response: ServerResponse): void {
  response.on("error", () => undefined);
  response.write("data: ");
  const piece = "x".repeat(1024 * 1024);
  for (let megabytes = 0; megabytes < 20; megabytes++) response.write(piece);
}

function sendJson(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "application/json" }).end(text);
}

/** Sends an event, and keeps the stream open. */
function sendEvent(response: ServerResponse, data: string): void {
  response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${data}\n\n`);
}

interface Answer {
  readonly id: unknown;
  readonly result?: unknown;
}

/** Yields the messages that a proxy writes. */
async function* jsonLines({ output }: RunningProxy): AsyncGenerator<Answer, never> {
  for await (const line of createInterface({ input: output })) yield JSON.parse(line);
  throw new Error("the proxy has ended");
}

interface Response {
  readonly status: number | undefined;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

const INITIALIZE = JSON.stringify({
  jsonrpc: "2.0",
  id: 3,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: INFO },
});

function initialize(url: string, token: string): Promise<Response> {
  return post(url, { authorization: `Bearer ${token}` }, INITIALIZE);
}

/** Returns the contents of a response that temporarily refuses a session. */
function refusalIn({ status, headers, text }: Response): string {
  expect(status).toBe(503);
  expect(headers["retry-after"]).toBe("10");
  const { id, error } = JSON.parse(text);
  expect([id, error.code]).toEqual([3, -32000]);
  return error.message;
}

async function endSession(url: string, token: string, { headers }: Response): Promise<void> {
  const session = String(headers["mcp-session-id"]);
  const shown = { authorization: `Bearer ${token}`, "mcp-session-id": session };
  expect((await fetch(url, { method: "DELETE", headers: shown })).status).toBe(200);
}

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** Sends a message with arbitrary headers, which fetch does not allow. */
function post(url: string, headers: Record<string, string>, body = PING): Promise<Response> {
  return new Promise((resolve, reject) => {
    const fixed = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    const sent = request(url, { method: "POST", headers: { ...fixed, ...headers } }, (response) => {
      const { statusCode: status, headers: received } = response;
      textOf(response).then((text) => resolve({ status, text, headers: received }), reject);
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
