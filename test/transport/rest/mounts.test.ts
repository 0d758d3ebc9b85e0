import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { httpHandler, nodeHandler } from "../../../src/transport/http.js";
import { sealOptions } from "../../support/vault.js";
import { ask, LOCAL, TOKENS } from "./support.js";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function started(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closing.push(() => new Promise((done) => server.close(done)));
  const { address: host, port } = server.address() as AddressInfo;
  return { address: { host, port } };
}

async function sealed() {
  const vault = new HandleVault();
  const { id } = await vault.seal("secret", sealOptions());
  return { vault, unseal: `POST /vault/handles/${id}/unseal` };
}

const OWN = { json: {}, token: "owner" };
const UNLIMITED = { auth: TOKENS, failedAuthenticationsPerMinute: "unlimited" } as const;

describe("the handler", () => {
  it("is mounted in Express 5", async () => {
    const { vault, unseal } = await sealed();
    const app = express().use("/vault", nodeHandler(vault, { auth: TOKENS }));
    const server = await started(app);
    expect((await ask(server, unseal, OWN)).body).toEqual({ data: "secret" });
    expect((await ask(server, unseal, { json: {} })).status).toBe(401);
  });

  it("says so when a body parser was there before", async () => {
    const { vault, unseal } = await sealed();
    const app = express()
      .use(express.json())
      .use("/vault", nodeHandler(vault, { auth: TOKENS }));
    const answer = await ask(await started(app), unseal, OWN);
    expect([answer.status, answer.body["code"]]).toEqual([500, "ERR_HTTP_BODY_USED"]);
    expect(answer.body["error"]).toMatch(/before any body parser/);
  });

  it("is mounted in Fastify 5", async () => {
    const { vault, unseal } = await sealed();
    const app = fastify();
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    const handle = nodeHandler(vault, { auth: TOKENS, basePath: "/vault" });
    app.all("/vault/*", (request, reply) => {
      reply.hijack();
      handle(request.raw, reply.raw);
    });
    closing.push(() => app.close());
    await app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.server.address() as AddressInfo;
    const answer = await ask({ address: { host: "127.0.0.1", port } }, unseal, OWN);
    expect(answer.body).toEqual({ data: "secret" });
  });

  it("is mounted in Hono, and in all that speak of Request and Response", async () => {
    const { vault, unseal } = await sealed();
    const handler = httpHandler(vault, UNLIMITED);
    const app = new Hono().mount("/vault", (request) => handler(request));
    const [method = "", path = ""] = unseal.split(" ");
    const headers = { authorization: "Bearer owner", "content-type": "application/json" };
    const answer = await app.request(path, { method, headers, body: "{}" });
    expect([answer.status, await answer.json()]).toEqual([200, { data: "secret" }]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });
});

describe("without the connection", () => {
  const request = (headers: Record<string, string> = {}) =>
    new Request("http://localhost/handles/x", { headers });

  it("features that need it refuse requests without it, rather than being skipped", async () => {
    const vault = new HandleVault();
    for (const options of [{ auth: TOKENS }, { ...UNLIMITED, auth: LOCAL }]) {
      const answer = await httpHandler(vault, options)(request({ authorization: "Bearer owner" }));
      expect(answer.status).toBe(500);
      expect(await answer.json()).toMatchObject({ code: "ERR_HTTP_CONNECTION_NEEDED" });
    }
    const answer = await httpHandler(vault, UNLIMITED)(request({ authorization: "Bearer owner" }));
    expect(answer.status).toBe(404);
  });

  it.each<[string, unknown]>([
    ["an execution context", { waitUntil() {}, passThroughOnException() {}, isLocal: true }],
    ["what Next passes", { params: Promise.resolve({}) }],
    ["an environment", { SECRET: "x", isLocal: "true" }],
    ["a connection of another form", { isLocal: 1 }],
    ["an address that is none", { isLocal: true, remoteAddress: ["127.0.0.1"] }],
    ["nothing", null],
  ])("is a request with a second argument that is none: %s", async (_, second) => {
    const local = await httpHandler(new HandleVault(), { auth: LOCAL })(request(), second);
    expect(await local.json()).toMatchObject({ code: "ERR_HTTP_CONNECTION_NEEDED" });
    const known = httpHandler(new HandleVault(), UNLIMITED);
    expect((await known(request({ authorization: "Bearer owner" }), second)).status).toBe(404);
  });

  it("must be local before the principal in a request is trusted", async () => {
    const handler = httpHandler(new HandleVault(), { auth: LOCAL });
    const far = await handler(request(), { remoteAddress: "192.0.2.1", isLocal: false });
    expect(far.status).toBe(401);
    const near = await handler(request(), { remoteAddress: "127.0.0.1", isLocal: true });
    expect(near.status).toBe(400);
  });
});

it("a Web request whose body was read, or is too large, gets the reason", async () => {
  const handler = httpHandler(new HandleVault(), { ...UNLIMITED, maxBodyBytes: 10 });
  const post = (body: string) =>
    new Request("http://localhost/handles", {
      method: "POST",
      headers: { authorization: "Bearer owner", "content-type": "application/json" },
      body,
    });
  const used = post("{}");
  await used.text();
  expect(await (await handler(used)).json()).toMatchObject({ code: "ERR_HTTP_BODY_USED" });
  expect((await handler(post(`{"data":"${"x".repeat(100)}"}`))).status).toBe(413);
});
