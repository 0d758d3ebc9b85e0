/** No sender can hide a header by sending many others before it, through any entry point. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Authenticator, headerAuth, trustLocalCallers } from "../../../../src/auth.js";
import { HandleVault, type Vault } from "../../../../src/index.js";
import { nodeHandler, serveHttp } from "../../../../src/transport/http.js";
import {
  requireUnsealed,
  routerListener,
  vaultRouter,
} from "../../../../src/transport/rest/router.js";
import { serveXmlRpc } from "../../../../src/transport/xml-rpc.js";
import { OWNER, sealOptions } from "../../../support/vault.js";

const SECRET = "p".repeat(32);
const local = trustLocalCallers();
const proxy = headerAuth({ peers: ["127.0.0.1"], secret: SECRET });

/** An entry point: how to open it, and a request that is granted to a known caller. */
interface Door {
  readonly auth: Authenticator;
  open(vault: Vault, auth: Authenticator): Promise<number>;
  request(id: string): readonly string[];
  readonly type?: string;
  body?(id: string): string;
}

const viewOf = (id: string) => [`GET /handles/${id}/safe_view`];
const routedViewOf = (id: string) => [`GET /handles/${id}/safe-view`];
const PRINCIPAL = [`X-Proxy-Secret: ${SECRET}`, `X-Principal: ${OWNER}`];

const DOORS: Readonly<Record<string, Door>> = {
  serveHttp: {
    auth: local,
    open: async (vault, auth) => portOf(await serveHttp(vault, { auth, port: 0 })),
    request: viewOf,
  },
  serveXmlRpc: {
    auth: local,
    open: async (vault, auth) => portOf(await serveXmlRpc(vault, { auth, port: 0 })),
    request: () => ["POST /RPC2"],
    type: "text/xml",
    body: (id) =>
      `<methodCall><methodName>get_safe_view</methodName><params><param><value>${id}</value></param></params></methodCall>`,
  },
  "nodeHandler in node:http": {
    auth: local,
    open: (vault, auth) => listening(createServer(nodeHandler(vault, { auth }))),
    request: viewOf,
  },
  "nodeHandler in Express": {
    auth: local,
    open: (vault, auth) => listening(createServer(express().use(nodeHandler(vault, { auth })))),
    request: viewOf,
  },
  "nodeHandler in Fastify": {
    auth: local,
    open: (vault, auth) => inFastify(nodeHandler(vault, { auth })),
    request: viewOf,
  },
  vaultRouter: {
    auth: local,
    open: (vault, auth) => {
      const app = new Hono().route("/handles", vaultRouter(vault, { auth }));
      return listening(createServer(routerListener(app)));
    },
    request: routedViewOf,
  },
  requireUnsealed: {
    auth: proxy,
    open: (vault, auth) => {
      const app = new Hono().get("/use/:id", requireUnsealed(vault, { auth }), (context) =>
        context.text(String(context.get("unsealed"))),
      );
      return listening(createServer(routerListener(app)));
    },
    request: (id) => [`GET /use/${id}`, ...PRINCIPAL],
  },
};

/** Headers that make the server refuse a request. Each is enough alone. */
const AGAINST_LOCAL = [
  ...["Forwarded: for=203.0.113.9", "Via: 1.1 proxy", "X-Forwarded-For: 203.0.113.9"],
  ...["X-Forwarded-Host: a.example", "X-Forwarded-Proto: https", "X-Real-IP: 203.0.113.9"],
  ...["Origin: http://evil.example", "Host: evil.example"],
];
const AGAINST_PROXY = [
  ...[`X-Principal: ${OWNER}`, `X-Proxy-Secret: ${SECRET}`, "Origin: http://evil.example"],
];

describe.each(Object.entries(DOORS))("through %s", (_, door) => {
  const against = door.auth === local ? AGAINST_LOCAL : AGAINST_PROXY;

  it.each(against)("%s is seen behind any number of other headers", async (evidence) => {
    const { ask, opened } = await scene(door);
    for (const junk of [0, 900, 990, 996, 998, 999, 1000, 1001, 1500, 1990, 2000, 4000]) {
      const status = await ask([...Array<string>(junk).fill("a:b"), evidence]);
      expect([junk, status]).toEqual([junk, expect.toSatisfy(isRefusal)]);
    }
    expect(opened()).toBe(0);
  });

  it("a request with a few hundred headers is answered", async () => {
    const { ask, opened } = await scene(door);
    expect(await ask(Array<string>(900).fill("a:b"))).toBe(200);
    expect(opened()).toBe(1);
  });
});

describe("a handler in an application's own server", () => {
  const refused = 431;

  it("refuses from as many headers on as that server hands on", async () => {
    const server = createServer();
    server.maxHeadersCount = 20;
    const ask = await mounted(server);
    // Host and Connection are two of them.
    expect(await ask(Array<string>(17).fill("a:b"))).toBe(200);
    expect(await ask(Array<string>(18).fill("a:b"))).toBe(refused);
    expect(await ask([...Array<string>(18).fill("a:b"), "Via: 1.1 proxy"])).toBe(refused);
  });

  it("sees all of them where that server drops none", async () => {
    const server = createServer();
    server.maxHeadersCount = 0;
    const ask = await mounted(server);
    expect(await ask(Array<string>(4000).fill("a:b"))).toBe(200);
    expect(await ask([...Array<string>(4000).fill("a:b"), "Via: 1.1 proxy"])).toBe(401);
  });

  it("answers a request with the header __proto__ like any other", async () => {
    const ask = await mounted(createServer());
    expect(await ask(["__proto__: x", "__proto__: y", "constructor: z"])).toBe(200);
  });

  async function mounted(server: Server) {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    server.on("request", nodeHandler(vault, { auth: local }));
    const port = await listening(server);
    return (headers: readonly string[]) => statusOf(port, [...viewOf(id), ...headers]);
  }
});

function isRefusal(status: number): boolean {
  return status >= 400 && status < 500;
}

async function scene(door: Door) {
  let asked = 0;
  class Counting extends HandleVault {
    override getSafeView(id: string): Promise<string> {
      asked++;
      return super.getSafeView(id);
    }
    override unseal<T>(id: string, principal: string): Promise<T> {
      asked++;
      return super.unseal<T>(id, principal);
    }
  }
  const vault = new Counting();
  const { id } = await vault.seal("secret", sealOptions());
  const port = await door.open(vault, door.auth);
  const body = door.body?.(id);
  const described =
    body === undefined ? [] : [`Content-Type: ${door.type}`, `Content-Length: ${body.length}`];
  const ask = (headers: readonly string[]) =>
    statusOf(port, [...door.request(id), ...described, ...headers], body);
  return { ask, opened: () => asked };
}

function portOf(server: { address: { port?: number | undefined }; stop(): Promise<void> }): number {
  onTestFinished(() => server.stop());
  return server.address.port ?? 0;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function inFastify(listener: RequestListener): Promise<number> {
  const app = fastify();
  app.all("/*", (request, reply) => {
    reply.hijack();
    listener(request.raw, reply.raw as never);
  });
  onTestFinished(() => app.close());
  await app.listen({ port: 0, host: "127.0.0.1" });
  return (app.server.address() as AddressInfo).port;
}

/** Sends one request byte for byte on a new connection, and returns the status of the response. */
function statusOf(
  port: number,
  [start = "", ...headers]: readonly string[],
  body = "",
): Promise<number> {
  const lines = [`${start} HTTP/1.1`, "Host: localhost", "Connection: close", ...headers];
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () =>
      socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`),
    );
    let answer = "";
    socket.on("data", (part) => {
      answer += part.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.once("close", () => resolve(Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])));
  });
}
