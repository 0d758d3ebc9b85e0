import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { HandleVault } from "../../../src/index.js";
import { schemaSummarizer } from "../../../src/safe-view.js";
import {
  requireUnsealed,
  routerListener,
  sealResponse,
  vaultRouter,
} from "../../../src/transport/rest/router.js";
import { GRANTEE, OWNER, sealOptions } from "../../support/vault.js";
import { ask, LOCAL, TOKENS, UNKNOWN_ID } from "./support.js";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function started(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closing.push(() => new Promise((done) => server.close(done)));
  return { address: { host: "127.0.0.1", port: (server.address() as AddressInfo).port } };
}

async function scene(options: { readonly gatewayPrincipals?: readonly string[] } = {}) {
  const vault = new HandleVault();
  const { id } = await vault.seal("secret", sealOptions());
  const app = new Hono().route("/handles", vaultRouter(vault, { auth: TOKENS, ...options }));
  return { vault, id, app };
}

describe("the router", () => {
  it("shows safe views and resolves handles, for callers with permission", async () => {
    const { id, app } = await scene();
    const server = await started(routerListener(app));
    const view = await ask(server, `GET /handles/${id}/safe-view`, { token: "stranger" });
    expect(view.body).toEqual({ handle_id: id, safe_view: "a payload" });
    const resolved = await ask(server, `POST /handles/${id}/resolve`, { token: "grantee" });
    expect(resolved.body).toEqual({ handle_id: id, data: "secret", resolved_by: GRANTEE });
    expect(resolved.headers["cache-control"]).toBe("no-store");
    const refused = [
      await ask(server, `POST /handles/${id}/resolve`, { token: "stranger" }),
      await ask(server, `POST /handles/${id}/resolve`),
      await ask(server, `GET /handles/${id}/safe-view`),
      await ask(server, `POST /handles/${UNKNOWN_ID}/resolve`, { token: "owner" }),
      await ask(server, `GET /handles/${id}/resolve`, { token: "owner" }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 401, 401, 404, 404]);
    expect(refused[1]?.headers["www-authenticate"]).toMatch(/^Bearer/);
    for (const { text } of refused) expect(text).not.toMatch(/secret|spiffe|hdl_/);
  });

  it("resolves only for the listed gateways, and for no caller if the list is empty", async () => {
    for (const [gatewayPrincipals, status] of [[[GRANTEE], 200] as const, [[], 403] as const]) {
      const { id, app } = await scene({ gatewayPrincipals });
      const server = await started(routerListener(app));
      const granted = await ask(server, `POST /handles/${id}/resolve`, { token: "grantee" });
      expect(granted.status).toBe(status);
      const owner = await ask(server, `POST /handles/${id}/resolve`, { token: "owner" });
      expect(owner.status).toBe(403);
    }
  });

  it("does not resolve for a principal that a request merely names", async () => {
    const { id, vault } = await scene();
    const app = new Hono().route("/handles", vaultRouter(vault, { auth: LOCAL }));
    const server = await started(routerListener(app));
    const json = { requesting_principal: OWNER };
    expect((await ask(server, `POST /handles/${id}/resolve`, { json })).status).toBe(403);
  });

  it("is mounted in Express 5 and in Fastify 5", async () => {
    const { id, app } = await scene();
    const listener = routerListener(app);
    const web = express().use((incoming, outgoing) => listener(incoming, outgoing));
    const other = fastify();
    other.removeAllContentTypeParsers();
    other.addContentTypeParser("*", (_request, _payload, done) => done(null));
    other.all("/*", (request, reply) => {
      reply.hijack();
      listener(request.raw, reply.raw);
    });
    closing.push(() => other.close());
    await other.listen({ port: 0, host: "127.0.0.1" });
    const { port } = other.server.address() as AddressInfo;
    for (const server of [await started(web), { address: { host: "127.0.0.1", port } }]) {
      const { body } = await ask(server, `POST /handles/${id}/resolve`, {
        json: {},
        token: "owner",
      });
      expect(body).toEqual({ handle_id: id, data: "secret", resolved_by: OWNER });
    }
  });
});

it("a route that requires the payload does not run for a caller without permission", async () => {
  const { id, vault } = await scene();
  let runs = 0;
  const app = new Hono();
  app.post("/use/:id", requireUnsealed(vault, { auth: TOKENS }), (context) => {
    runs++;
    return context.json({ length: String(context.get("unsealed")).length });
  });
  const server = await started(routerListener(app));
  const used = await ask(server, `POST /use/${id}`, { token: "owner" });
  expect([used.body, used.headers["cache-control"]]).toEqual([{ length: 6 }, "no-store"]);
  for (const token of ["stranger", "nobody"]) {
    expect((await ask(server, `POST /use/${id}`, { token })).status).toBeGreaterThanOrEqual(401);
  }
  expect(runs).toBe(1);
});

it("a route with a schema gets payloads of its type, and no request for any other", async () => {
  const vault = new HandleVault();
  const schema = z.object({ amount: z.string().transform(Number) });
  const app = new Hono();
  app.post("/charge/:id", requireUnsealed(vault, { auth: TOKENS, schema }), (context) =>
    context.json({ doubled: 2 * context.get("unsealed").amount }),
  );
  const server = await started(routerListener(app));
  const charge = async (payload: unknown) => {
    const { id } = await vault.seal(payload, { ownerPrincipal: OWNER, safeView: "an amount" });
    return ask(server, `POST /charge/${id}`, { token: "owner" });
  };
  expect((await charge({ amount: "21" })).body).toEqual({ doubled: 42 });
  const refused = await charge({ amount: ["canary"] });
  expect(refused.status).toBe(422);
  expect(refused.body).toMatchObject({ code: "ERR_VAULT_PAYLOAD_VALIDATION" });
  expect(JSON.stringify(refused.body)).not.toContain("canary");
});

it.each([
  ["application/json; charset=utf-8", '{"name":"canary"}', { name: "canary" }],
  ["application/fhir+json", '{"name":"canary"}', { name: "canary" }],
  ["text/csv", "name\ncanary", "name\ncanary"],
  ["application/pdf", "canary", new TextEncoder().encode("canary")],
  [undefined, "canary", new TextEncoder().encode("canary")],
])("a response of the type %s is sealed as that type", async (type, body, payload) => {
  const vault = new HandleVault();
  const app = new Hono();
  const headers = type === undefined ? {} : { "content-type": type };
  app.get("/record", sealResponse(vault, { ownerPrincipal: OWNER, safeView: "a record" }), () => {
    return new Response(new TextEncoder().encode(body), { headers });
  });
  const answer = await app.request("/record");
  const { handle_id: id, safe_view: safeView } = (await answer.json()) as Record<string, string>;
  expect(safeView).toBe("a record");
  expect(await vault.unseal(id ?? "", OWNER)).toEqual(payload);
});

it("an answer that is sealed leaves as a handle, and not at all if sealing fails", async () => {
  const vault = new HandleVault();
  const app = new Hono();
  const seal = (safeView: string) => sealResponse(vault, { ownerPrincipal: OWNER, safeView });
  app.get("/record", seal("a record"), (context) => context.json({ name: "canary" }));
  app.get("/broken", seal("x".repeat(5000)), (context) => context.json({ name: "canary" }));
  app.get("/leaking", seal("of canary"), (context) => context.json({ name: "canary" }));
  const summarized = { ownerPrincipal: OWNER, summarizer: schemaSummarizer() };
  app.get("/summarized", sealResponse(vault, summarized), (context) =>
    context.json({ n: "canary" }),
  );
  app.get("/missing", seal("a record"), (context) => context.json({ error: "no" }, 404));
  app.get("/nothing", seal("a record"), (context) => context.body(null, 204));
  const answer = await app.request("/record");
  const { handle_id: id, ...rest } = (await answer.json()) as { handle_id: string };
  expect(rest).toEqual({ safe_view: "a record" });
  expect(await vault.unseal(id, OWNER)).toEqual({ name: "canary" });
  expect((await app.request("/nothing")).status).toBe(204);
  for (const path of ["/broken", "/leaking"]) {
    const broken = await app.request(path);
    expect(broken.status).toBe(500);
    expect(await broken.text()).not.toContain("canary");
  }
  const view = { safe_view: "object, 1 field, n (text)" };
  expect(await (await app.request("/summarized")).json()).toMatchObject(view);
  expect((await app.request("/missing")).status).toBe(404);
});

describe("an answer that is sealed", () => {
  const seal = sealResponse(new HandleVault(), { ownerPrincipal: OWNER, safeView: "a record" });

  it("reveals nothing of its payload in any header that the route sets", async () => {
    const app = new Hono();
    app.get("/record", seal, (context) => {
      context.header("x-patient", "canary");
      context.header("etag", '"canary"');
      context.header("set-cookie", "patient=canary");
      context.status(203);
      return context.json({ name: "canary" }, 200, {
        "content-disposition": 'attachment; filename="canary.json"',
        "content-encoding": "identity",
        link: "</canary>",
      });
    });
    const answer = await app.request("/record");
    expect(answer.status).toBe(200);
    expect([...answer.headers].sort()).toEqual([
      ["cache-control", "no-store"],
      ["content-type", "application/json"],
      ["x-content-type-options", "nosniff"],
    ]);
    expect(await answer.json()).toMatchObject({ safe_view: "a record" });
  });

  it("keeps the headers of other middleware", async () => {
    const app = new Hono();
    app.use(cors({ origin: "https://app.example", credentials: true }));
    app.use(async (context, next) => {
      context.header("set-cookie", "a=1", { append: true });
      context.header("set-cookie", "b=2", { append: true });
      context.header("content-language", "en");
      await next();
      context.header("x-request-id", "7");
    });
    app.get("/record", seal, (context) => context.json({ name: "canary" }));
    const { headers } = await app.request("/record", {
      headers: { origin: "https://app.example" },
    });
    expect(headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(headers.get("x-request-id")).toBe("7");
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("content-language")).toBeNull();
  });

  it.each([
    ["is no JSON", '{"name":"canary"'],
    ["is JSON that reading would change", '{"name":"canary","id":9007199254740993}'],
    ["has a member twice", '{"name":"canary","name":"canary"}'],
  ])("fails without a word of a payload that %s", async (_, body) => {
    const errors: Error[] = [];
    const app = new Hono();
    app.onError((error, context) => {
      errors.push(error);
      return context.text("failed", 500);
    });
    app.get("/record", seal, (context) => {
      context.header("x-patient", "canary");
      return context.body(body, 200, { "content-type": "application/json" });
    });
    const answer = await app.request("/record");
    expect([answer.status, await answer.text()]).toEqual([500, "failed"]);
    expect(JSON.stringify([...answer.headers])).not.toContain("canary");
    expect(errors).toHaveLength(1);
    expect(inspect(errors[0], { showHidden: true })).not.toContain("canary");
  });
});
