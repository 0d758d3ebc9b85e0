import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import type { Transport } from "../../../src/transport/client/transport.js";
import type { HttpClientOptions } from "../../../src/transport/http/client/options.js";
import type { RunningHttpServer } from "../../../src/transport/http.js";
import { httpTransport } from "../../../src/transport/rest/client.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { LOCAL, serve, UNKNOWN_ID } from "./support.js";

const SEAL = { data: "secret", safe_view: "s" };
const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
const UNAVAILABLE = { code: "ERR_VAULT_SERVICE_UNAVAILABLE" };
const servers: Server[] = [];
const sockets = new Set<Socket>();
const wires: Transport[] = [];

afterEach(async () => {
  await Promise.all(wires.splice(0).map((wire) => wire.close()));
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

function urlOf({ address }: Pick<RunningHttpServer, "address">): string {
  return `http://127.0.0.1:${address.port}`;
}

function wireTo(url: string, options: HttpClientOptions = {}): Transport {
  const wire = httpTransport(url, options);
  wires.push(wire);
  return wire;
}

async function started(server: Server): Promise<string> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => undefined));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that calls the given function with each connection. */
const tcp = (onSocket: (socket: Socket) => void) => started(createServer(onSocket));
/** A server that responds with the given function. */
const web = (listener: RequestListener) => started(createHttpServer(listener));

describe("a client", () => {
  it("calls every operation, and receives the errors of the vault", async () => {
    const server = await serve();
    const wire = wireTo(urlOf(server), { token: async () => "owner" });
    const { id } = (await wire.call("seal", { ...SEAL, data: new Uint8Array([1]) })) as {
      id: string;
    };
    expect(await wire.call("unseal", { id })).toEqual({ data: new Uint8Array([1]) });
    const many = await wire.call("unseal_many", { requests: [{ id }, { id: UNKNOWN_ID }] });
    expect(many).toMatchObject({ outcomes: [{ ok: true }, { ok: false }] });
    const names = ["get_safe_view", "describe", "invalidate", "health"] as const;
    for (const name of names) await wire.call(name, name === "health" ? {} : { id });
    await expect(wire.call("describe", { id })).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_NOT_FOUND",
    });
    const nobody = wireTo(urlOf(server));
    await expect(nobody.call("unseal", { id })).rejects.toMatchObject({
      code: "ERR_VAULT_UNAUTHENTICATED",
    });
  });

  it("names principals of any letters, in no path", async () => {
    const paths: string[] = [];
    const vault = new HandleVault();
    const owner = "späti/ö, 秘密 %41";
    const server = await serve({ auth: LOCAL }, vault);
    const { id } = await vault.seal("x", sealOptions({ ownerPrincipal: owner }));
    const wire = wireTo(urlOf(server));
    expect(await wire.call("describe", { id, requesting_principal: owner })).toMatchObject({
      owner_principal: owner,
    });
    const url = await web((incoming, outgoing) => {
      paths.push(incoming.url ?? "");
      outgoing.end("{}");
    });
    await wireTo(url).call("invalidate", { id, requesting_principal: owner });
    expect(paths).toEqual([`/handles/${id}`]);
  });

  it.each(["x/../../admin", "../..", "..", ".", "", "a?b#c", "%2e%2e", "\ud800"])(
    "an id such as %j stays one segment of the path",
    async (id) => {
      const paths: string[] = [];
      const url = await web((incoming, outgoing) => {
        paths.push(incoming.url ?? "");
        outgoing.end("{}");
      });
      await wireTo(`${url}/base`).call("get_safe_view", { id });
      expect(paths[0]).toMatch(/^\/base\/handles\/[^/?#]+\/safe_view$/);
      expect(new URL(paths[0] ?? "", url).pathname.startsWith("/base/handles")).toBe(true);
    },
  );

  it("takes no proxy from the environment", async () => {
    const url = await web((_, outgoing) => outgoing.end('{"status":"ok"}'));
    process.env["http_proxy"] = "http://127.0.0.1:1";
    process.env["HTTP_PROXY"] = "http://127.0.0.1:1";
    try {
      expect(await wireTo(url).call("health", {})).toEqual({ status: "ok" });
    } finally {
      delete process.env["http_proxy"];
      delete process.env["HTTP_PROXY"];
    }
  });

  it("does not take a wrong base path for a handle that is not there", async () => {
    const server = await serve();
    const wire = wireTo(`${urlOf(server)}/wrong`, { token: "owner" });
    await expect(wire.call("unseal", { id: UNKNOWN_ID })).rejects.toMatchObject(UNAVAILABLE);
  });

  it("receives the time to wait", async () => {
    const server = await serve({ requestsPerMinute: 1 });
    const wire = wireTo(urlOf(server), { token: "owner" });
    await wire.call("invalidate", { id: UNKNOWN_ID });
    await expect(wire.call("invalidate", { id: UNKNOWN_ID })).rejects.toMatchObject({
      code: "ERR_VAULT_RATE_LIMITED",
      retryAfterSeconds: 60,
    });
  });

  it("takes no URL with a password, no token that is none, no unknown option", () => {
    for (const url of ["nonsense", "ftp://x", "http://u:p@x", "http://x?y", "http://x#y"]) {
      expect(() => httpTransport(url)).toThrow(TypeError);
    }
    const wrong = [{ token: "a\r\nb" }, { token: 5 }, { path: 5 }, { tls: true }, { nonsense: 1 }];
    for (const options of wrong) {
      expect(() => httpTransport("http://x", options as never)).toThrow(TypeError);
    }
    for (const name of [
      "connectTimeoutMs",
      "responseTimeoutMs",
      "maxResponseBytes",
      "maxConnections",
    ]) {
      expect(() => httpTransport("http://x", { [name]: 0 })).toThrow(RangeError);
    }
  });
});

describe("a request without a response", () => {
  const silent = () => tcp((socket) => void socket.resume());

  it("is sent once if it writes, even if the server closes at once", async () => {
    let requests = 0;
    const url = await tcp((socket) => {
      socket.once("data", () => {
        requests++;
        socket.destroy();
      });
    });
    const wire = wireTo(url);
    await expect(wire.call("seal", SEAL)).rejects.toMatchObject(UNKNOWN);
    expect(requests).toBe(1);
    await expect(wire.call("get_safe_view", { id: "x" })).rejects.toMatchObject(UNAVAILABLE);
    expect(requests).toBe(3);
  });

  it("was not sent if no server listens: it is tried again, and changed nothing", async () => {
    const url = await silent();
    const server = servers.pop();
    await new Promise((done) => server?.close(done));
    await expect(wireTo(url).call("seal", SEAL)).rejects.toMatchObject(UNAVAILABLE);
  });

  it("was not sent if encryption never began", async () => {
    const url = (await silent()).replace("http:", "https:");
    const wire = wireTo(url, { connectTimeoutMs: 50 });
    await expect(wire.call("seal", SEAL)).rejects.toMatchObject(UNAVAILABLE);
  });

  it("is given up by its signal, before and after it was sent", async () => {
    const wire = wireTo(await silent());
    const early = { signal: AbortSignal.abort(new Error("enough")) };
    await expect(wire.call("seal", SEAL, early)).rejects.toThrow("enough");
    const late = new AbortController();
    const call = wire.call("seal", SEAL, { signal: late.signal });
    setImmediate(() => late.abort(new Error("enough")));
    await expect(call).rejects.toMatchObject({ ...UNKNOWN, cause: new Error("enough") });
    const reading = new AbortController();
    const read = wire.call("get_safe_view", { id: UNKNOWN_ID }, { signal: reading.signal });
    setImmediate(() => reading.abort(new Error("enough")));
    await expect(read).rejects.toThrow("enough");
  });

  it("is not believed to have failed when its answer is too large, cut off or no JSON", async () => {
    const listeners: RequestListener[] = [
      (_, outgoing) => void outgoing.end(JSON.stringify({ data: "x".repeat(1000) })),
      (_, outgoing) => void outgoing.end("<html>"),
      (_, outgoing) => void outgoing.end('{"data":"x","data_encoding":"hex"}'),
      (_, outgoing) => {
        outgoing.writeHead(200, { "content-length": 100 }).write("{");
        setImmediate(() => outgoing.destroy());
      },
    ];
    for (const listener of listeners) {
      const wire = wireTo(await web(listener), { maxResponseBytes: 500 });
      await expect(wire.call("unseal", { id: "x" })).rejects.toMatchObject(UNKNOWN);
    }
  });
});

it.each([
  ["that says how long", "keep-alive: timeout=1\r\n"],
  ["that says nothing", ""],
])(
  "an idle connection to a server %s it keeps it is closed by the client first",
  async (_, hint) => {
    const closed: Promise<unknown>[] = [];
    const body = '{"status":"ok"}';
    const headers = `connection: keep-alive\r\n${hint}content-length: ${body.length}`;
    const url = await tcp((socket) => {
      closed.push(once(socket, "close"));
      socket.on("data", () => socket.write(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n${body}`));
    });
    await wireTo(url).call("health", {});
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
  },
);

it("a server that closes idle connections makes no call fail", async () => {
  const vault = new HandleVault();
  const server = await serve({ idleTimeoutMs: 1000 }, vault);
  const wire = wireTo(urlOf(server), { token: "owner" });
  const { id } = await vault.seal("secret", sealOptions());
  for (let call = 0; call < 50; call++) {
    expect(await wire.call("unseal", { id })).toEqual({ data: "secret" });
  }
  await server.stop();
  await expect(wire.call("unseal", { id })).rejects.toMatchObject(UNAVAILABLE);
  expect(await vault.unseal(id, OWNER)).toBe("secret");
});
