import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { tokenAuth } from "../../../src/auth/token.js";
import type { HttpClientOptions } from "../../../src/transport/http/client/options.js";
import type { OperationName } from "../../../src/transport/service/operations.js";
import { readMethodCall, writeMethodResponse } from "../../../src/transport/xml-rpc/call.js";
import { xmlRpcTransport } from "../../../src/transport/xml-rpc/client.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { remoteVault, served } from "./scene.js";

const TOKEN = "t".repeat(43);
const ID = `hdl_${"0".repeat(32)}`;
const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
const UNAVAILABLE = { code: "ERR_VAULT_SERVICE_UNAVAILABLE" };
const CHANGING: OperationName[] = ["seal", "unseal", "invalidate", "grant", "seal_many"];
const READING: OperationName[] = ["get_safe_view", "describe", "health"];

describe("a vault behind XML-RPC", () => {
  it("keeps payloads of every kind, and one connection for all calls in turn", async () => {
    const { server, url } = await served();
    const remote = remoteVault(url, { maxConnections: 1 });
    const payloads = [
      "\r\n\t<&>]]>\u{1f600}",
      { list: [1, 2.5, -7, 2 ** 40, null, true, ""], "": { deep: [[]] } },
      JSON.parse('{"__proto__":{"a":1}}') as object,
      null,
      false,
      new Uint8Array([0, 1, 255]),
      new Uint8Array(0),
    ];
    for (const payload of payloads) {
      const { id } = await remote.seal(payload, sealOptions());
      expect(await remote.unseal(id, OWNER)).toStrictEqual(payload);
    }
    expect(server.address.port).toBeGreaterThan(0);
  });

  it("refuses values that XML cannot carry before anything is sent", async () => {
    const { asked, url } = await scripted(() => undefined);
    const remote = remoteVault(url);
    for (const data of ["a\u0000", { a: ["\ud800"] }, "\uffff"]) {
      await expect(remote.seal(data, sealOptions())).rejects.toThrow(RangeError);
    }
    expect(asked).toEqual([]);
  });

  it("sends a token, fixed or read for each call, and reports one that is not accepted", async () => {
    const { url } = await served({
      auth: tokenAuth({ tokens: [{ token: TOKEN, principal: OWNER }] }),
    });
    for (const token of [TOKEN, () => TOKEN, async () => TOKEN]) {
      const { id } = await remoteVault(url, { token }).seal("secret", sealOptions());
      expect(id).toMatch(/^hdl_/);
    }
    const refused = { code: "ERR_VAULT_UNAUTHENTICATED" };
    await expect(remoteVault(url).seal("s", sealOptions())).rejects.toMatchObject(refused);
    const wrong = remoteVault(url, { token: "wrong" });
    await expect(wrong.unseal(ID, OWNER)).rejects.toMatchObject(refused);
    const injected = remoteVault(url, { token: () => "a\r\nX: y" });
    await expect(injected.unseal(ID, OWNER)).rejects.toThrow(TypeError);
  });

  it("reaches a server on a Unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "xml-rpc-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "own", "vault.sock");
    await served({ path });
    const remote = remoteVault("http://localhost/RPC2", { path });
    const { id } = await remote.seal("secret", sealOptions());
    expect(await remote.unseal(id, OWNER)).toBe("secret");
  });
});

describe("when there is no answer", () => {
  it.each([...CHANGING, ...READING])(
    "to %s, nothing happened if nobody listens",
    async (operation) => {
      const { url, server } = await scripted(() => undefined);
      await new Promise((resolve) => server.close(resolve));
      await expect(wireTo(url).call(operation, {})).rejects.toMatchObject(UNAVAILABLE);
    },
  );

  it.each(CHANGING)(
    "to %s, its outcome is unknown once it was sent, and it is sent once",
    async (operation) => {
      const { url, asked } = await scripted((request) => request.socket.destroy());
      await expect(wireTo(url).call(operation, {})).rejects.toMatchObject(UNKNOWN);
      expect(asked).toHaveLength(1);
    },
  );

  it.each(READING)("to %s, the service is unavailable", async (operation) => {
    const { url } = await scripted((request) => request.socket.destroy());
    await expect(wireTo(url).call(operation, {})).rejects.toMatchObject(UNAVAILABLE);
  });

  it("on a kept connection that has closed: repeats only calls that read", async () => {
    let calls = 0;
    const { url, asked } = await scripted((request, response) => {
      calls += 1;
      // The connection of every second call is closed.
      if (calls % 2 === 0) request.socket.destroy();
      else response.end(writeMethodResponse({ status: "ok" }));
    });
    const wire = wireTo(url, { maxConnections: 1 });
    await wire.call("health", {});
    await wire.call("health", {});
    expect(asked).toHaveLength(3);
    await expect(wire.call("invalidate", {})).rejects.toMatchObject(UNKNOWN);
    expect(asked).toHaveLength(4);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ["is no XML", (response) => response.end("<html>")],
    ["has a document type", (response) => response.end("<!DOCTYPE a><methodResponse/>")],
    ["is empty", (response) => response.end()],
    [
      "is cut off",
      (response) => {
        response.writeHead(200, { "Content-Length": 1000 }).write("<methodResponse>");
        setImmediate(() => response.destroy());
      },
    ],
    ["is a gateway's failure", (response) => response.writeHead(502).end()],
    ["leads elsewhere", (response) => response.writeHead(307, { Location: "/x" }).end()],
    ["is larger than allowed", (response) => response.end("x".repeat(2000))],
    [
      "has a date",
      (response) => {
        const date = "<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>";
        response.end(writeMethodResponse(null).replace("<nil/>", date));
      },
    ],
  ])("that can be relied on, because it %s, the outcome is unknown", async (_, respond) => {
    const { url } = await scripted((_request, response) => respond(response));
    const wire = wireTo(url, { maxResponseBytes: 1000 });
    await expect(wire.call("seal", {})).rejects.toMatchObject(UNKNOWN);
    await expect(wire.call("health", {})).rejects.toMatchObject(UNAVAILABLE);
  });

  it("a connection that is not made in time was never used", async () => {
    // A server that accepts connections but never starts a TLS handshake.
    const silent = createTcpServer((socket) => socket.on("error", () => undefined));
    const port = await started(silent);
    const wire = wireTo(`https://127.0.0.1:${port}/`, { connectTimeoutMs: 50 });
    await expect(wire.call("seal", {})).rejects.toMatchObject(UNAVAILABLE);
    await wire.close();
  });
});

describe("a call that is aborted", () => {
  it("rejects with the signal's reason, before it is sent and after", async () => {
    const controller = new AbortController();
    const { url } = await scripted(() => controller.abort(new Error("enough")));
    const { signal } = controller;
    await expect(wireTo(url).call("seal", {}, { signal })).rejects.toMatchObject({
      code: "ERR_VAULT_OUTCOME_UNKNOWN",
      cause: new Error("enough"),
    });
    await expect(wireTo(url).call("seal", {}, { signal })).rejects.toThrow("enough");
  });

  it("and one on a closed wire is not sent", async () => {
    const { url, asked } = await scripted(() => undefined);
    const wire = wireTo(url);
    await wire.close();
    await wire.close();
    await expect(wire.call("seal", {})).rejects.toMatchObject({ code: "ERR_VAULT_CLOSED" });
    expect(asked).toEqual([]);
  });
});

describe("a client", () => {
  it("uses no proxy that the environment names", async () => {
    const { url } = await served();
    for (const name of ["http_proxy", "HTTP_PROXY", "ALL_PROXY"]) {
      const before = process.env[name];
      process.env[name] = "http://127.0.0.1:1/";
      onTestFinished(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
    expect(await wireTo(url).call("health", {})).toEqual({ status: "ok" });
  });

  it.each<[string, string, object]>([
    ["no address", "vault", {}],
    ["another protocol", "ftp://localhost/", {}],
    ["a credential in the address", "http://user:secret@localhost/", {}],
    ["an unknown option", "http://localhost/", { timeout: 1 }],
    ["a token of another kind", "http://localhost/", { token: 1 }],
    ["an empty socket path", "http://localhost/", { path: "" }],
  ])("is not made with %s, and the error repeats nothing of it", (_, url, options) => {
    expect(() => xmlRpcTransport(url, options)).toThrow(TypeError);
    expect(() => xmlRpcTransport(url, options)).not.toThrow(/secret|user|ttt/);
  });
});

function wireTo(url: string, options: HttpClientOptions = {}) {
  const wire = xmlRpcTransport(url, options);
  onTestFinished(() => wire.close());
  return wire;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that handles each call with the given function, and records the calls. */
async function scripted(handle: Handler) {
  const asked: ReturnType<typeof readMethodCall>[] = [];
  const server: Server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    asked.push(readMethodCall(Buffer.concat(parts)));
    handle(request, response);
  });
  const port = await started(server);
  onTestFinished(() => server.closeAllConnections());
  return { server, asked, url: `http://127.0.0.1:${port}/` };
}

function started(server: TcpServer): Promise<number> {
  onTestFinished(() => {
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
