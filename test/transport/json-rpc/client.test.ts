import { createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import type { Transport } from "../../../src/transport/client/transport.js";
import {
  type JsonRpcClientOptions,
  jsonRpcTransport,
} from "../../../src/transport/json-rpc/client.js";
import { FrameDecoder, frameOf } from "../../../src/transport/json-rpc/frames.js";
import { serveJsonRpc } from "../../../src/transport/json-rpc.js";
import { authOf, GATEWAY, RECORDS, tokens } from "./scene.js";

const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;
const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };
const UNAVAILABLE = { code: "ERR_VAULT_SERVICE_UNAVAILABLE" };
const SEAL = { data: "a secret", safe_view: "v", owner_principal: RECORDS };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Reply = (request: Record<string, unknown>, socket: Socket) => unknown;

/** A server that sends the results of `reply`, except `undefined`. */
async function servedBy(reply: Reply): Promise<{ port: number; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const decoder = new FrameDecoder({ maxFrameBytes: 1e8 });
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      decoder.push(chunk);
      for (let frame = decoder.next(); frame; frame = decoder.next()) {
        const request = JSON.parse(frame.toString()) as Record<string, unknown>;
        const answer = reply(request, socket);
        if (answer !== undefined) socket.write(frameOf(JSON.stringify(answer)));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { port: address.port, server };
}

function wireTo(port: number | undefined, options: JsonRpcClientOptions = {}): Transport {
  const wire = jsonRpcTransport(
    { port },
    { connectTimeoutMs: 2000, responseTimeoutMs: 5000, ...options },
  );
  cleanups.push(() => wire.close());
  return wire;
}

/** Our own server, with a new vault unless one is given. */
async function served(port = 0, vault = new HandleVault()) {
  const known = tokens();
  const server = await serveJsonRpc(vault, { auth: authOf(known), port });
  cleanups.push(() => server.stop());
  return { server, known, port: server.address.port ?? 0 };
}

describe("a wire to a JSON-RPC server", () => {
  it("authenticates first, and carries payloads there and back as they are", async () => {
    const { port } = await served();
    const wire = wireTo(port, { token: "records-token" });
    const deep = JSON.parse(`${"[".repeat(60)}1${"]".repeat(60)}`) as unknown;
    for (const data of [
      "ü\u0000\u2028",
      Uint8Array.of(0, 255),
      { a: [1, null, 1e300] },
      2 ** 60,
      deep,
    ]) {
      const { id } = (await wire.call("seal", { ...SEAL, data })) as { id: string };
      expect(await wire.call("unseal", { id })).toEqual({ data });
    }
  });

  it("throws the same errors as in process", async () => {
    const { port } = await served();
    const wire = wireTo(port, { token: "records-token" });
    await expect(wire.call("unseal", { id: UNKNOWN_ID })).rejects.toMatchObject({
      code: "ERR_VAULT_HANDLE_NOT_FOUND",
    });
    await expect(wire.call("seal", { ...SEAL, ttl_seconds: -1 })).rejects.toThrow(RangeError);
    await expect(wire.call("seal", { ...SEAL, owner_principal: GATEWAY })).rejects.toMatchObject({
      code: "ERR_VAULT_PRINCIPAL_FORBIDDEN",
    });
    const stranger = wireTo(port, { token: "no" });
    await expect(stranger.call("get_safe_view", { id: UNKNOWN_ID })).rejects.toMatchObject({
      code: "ERR_VAULT_UNAUTHENTICATED",
    });
    await expect(wireTo(port).call("unseal", { id: UNKNOWN_ID })).rejects.toMatchObject({
      code: "ERR_VAULT_UNAUTHENTICATED",
    });
  });

  it("uses one connection for many calls, in whatever order they are answered", async () => {
    const waiting: (() => void)[] = [];
    const sockets = new Set<Socket>();
    const { port } = await servedBy(({ id, params }, socket) => {
      sockets.add(socket);
      const { id: asked } = params as { id: string };
      waiting.push(() => {
        socket.write(frameOf(JSON.stringify({ jsonrpc: "2.0", id, result: { safe_view: asked } })));
      });
      if (waiting.length === 20) for (const answer of waiting.reverse()) answer();
      return undefined;
    });
    const wire = wireTo(port);
    const ids = Array.from({ length: 20 }, (_, index) => `id ${index}`);
    const results = await Promise.all(ids.map((id) => wire.call("get_safe_view", { id })));
    expect(results).toEqual(ids.map((id) => ({ safe_view: id })));
    expect(sockets.size).toBe(1);
  });

  it("takes a bare value from an answer without jsonrpc, and from no other", async () => {
    const { port } = await servedBy(({ id, method, params }) => {
      const result = { unseal: { data: 1 }, get_safe_view: "view", invalidate: true }[
        String(method)
      ];
      const { id: asked } = params as { id: string };
      return asked === "bare" ? { result, id, more: 1 } : { jsonrpc: "2.0", result, id };
    });
    const wire = wireTo(port);
    expect(await wire.call("unseal", { id: "bare" })).toEqual({ data: { data: 1 } });
    expect(await wire.call("unseal", { id: "whole" })).toEqual({ data: 1 });
    expect(await wire.call("get_safe_view", { id: "bare" })).toEqual({ safe_view: "view" });
    expect(await wire.call("invalidate", { id: "bare" })).toEqual({ ok: true });
    await expect(wire.call("get_safe_view", { id: "whole" })).rejects.toMatchObject(UNAVAILABLE);
    await expect(wire.call("invalidate", { id: "whole" })).rejects.toMatchObject(UNKNOWN);
  });

  it("repeats no text of the original's errors", async () => {
    const { port } = await servedBy(({ id }) => {
      return { error: { code: -32003, message: "'x' not in ['a', 'b']" }, id };
    });
    const denied = wireTo(port).call("unseal", { id: "h", requesting_principal: "x" });
    await expect(denied).rejects.toMatchObject({ code: "ERR_VAULT_HANDLE_ACCESS_DENIED" });
    await expect(denied).rejects.not.toThrow("not in");
  });

  it.each<[string, object]>([
    ["no result", {}],
    ["another version", { jsonrpc: "1.0", result: { data: 1 } }],
    ["another version's error", { jsonrpc: "1.0", error: { code: -32001, message: "" } }],
    ["a result of another kind", { jsonrpc: "2.0", result: 5 }],
    ["an error that is none", { jsonrpc: "2.0", error: "no" }],
    ["a number of its own", { jsonrpc: "2.0", error: { code: 7, message: "" } }],
    ["a vault's number without its name", { jsonrpc: "2.0", error: { code: -32001, message: "" } }],
    ["a number that the original has not", { error: { code: -32010, message: "" } }],
    [
      "a failure that says nothing of what was done",
      {
        jsonrpc: "2.0",
        error: { code: -32603, message: "", data: { code: "ERR_VAULT_INTERNAL" } },
      },
    ],
    [
      "a name that is not the library's",
      { jsonrpc: "2.0", error: { code: -32000, message: "", data: { code: "ERR_VAULT_X" } } },
    ],
  ])(
    "leaves a change unknown, and what reads unavailable, by an answer with %s",
    async (_, said) => {
      const { port } = await servedBy(({ id }) => ({ id, ...said }));
      const wire = wireTo(port);
      for (const operation of ["seal", "unseal", "invalidate"] as const) {
        await expect(wire.call(operation, {})).rejects.toMatchObject(UNKNOWN);
      }
      for (const operation of ["get_safe_view", "describe", "health"] as const) {
        await expect(wire.call(operation, {})).rejects.toMatchObject(UNAVAILABLE);
      }
    },
  );

  it("reports an unseal as unknown if its payload has an unknown encoding", async () => {
    const result = { data: "x", data_encoding: "hex" };
    const { port } = await servedBy(({ id }) => ({ jsonrpc: "2.0", result, id }));
    await expect(wireTo(port).call("unseal", { id: "h" })).rejects.toMatchObject(UNKNOWN);
  });

  it.each([-32700, -32600, -32601])(
    "says that the request was not understood by the number of JSON-RPC: %i",
    async (code) => {
      const { port } = await servedBy(({ id }) => {
        return { jsonrpc: "2.0", error: { code, message: "secret" }, id };
      });
      const call = wireTo(port).call("seal", SEAL);
      await expect(call).rejects.toBeInstanceOf(TypeError);
      await expect(call).rejects.not.toThrow("secret");
    },
  );

  it("shows a new token when there is one", async () => {
    const { port, known } = await served();
    let token = "records-token";
    const wire = wireTo(port, { token: () => token });
    const { id } = (await wire.call("seal", SEAL)) as { id: string };
    known.delete("records-token");
    await expect(wire.call("unseal", { id })).rejects.toMatchObject({
      code: "ERR_VAULT_UNAUTHENTICATED",
    });
    known.set("newer", { principal: RECORDS });
    token = "newer";
    expect(await wire.call("unseal", { id })).toEqual({ data: "a secret" });
  });
});

describe("a lost connection", () => {
  it("is made again with the next call", async () => {
    const vault = new HandleVault();
    const first = await served(0, vault);
    const wire = wireTo(first.port, { token: "records-token" });
    const { id } = (await wire.call("seal", SEAL)) as { id: string };
    await first.server.stop();
    await expect(wire.call("unseal", { id })).rejects.toMatchObject({
      code: "ERR_VAULT_SERVICE_UNAVAILABLE",
    });
    await served(first.port, vault);
    expect(await wire.call("unseal", { id })).toEqual({ data: "a secret" });
  });

  it("leaves the outcome of changes unknown, never calls them twice, and reads are unavailable", async () => {
    const seen: unknown[] = [];
    const { port } = await servedBy(({ method }, socket) => {
      seen.push(method);
      socket.destroy();
      return undefined;
    });
    const wire = wireTo(port);
    for (const operation of ["seal", "unseal", "invalidate", "grant", "seal_many"] as const) {
      await expect(wire.call(operation, {})).rejects.toMatchObject({
        code: "ERR_VAULT_OUTCOME_UNKNOWN",
      });
    }
    for (const operation of ["get_safe_view", "describe", "health"] as const) {
      await expect(wire.call(operation, {})).rejects.toMatchObject({
        code: "ERR_VAULT_SERVICE_UNAVAILABLE",
      });
    }
    expect(seen).toHaveLength(8);
  });

  it("costs one more attempt if it was lost before any part of the call was sent", async () => {
    let connections = 0;
    const { port, server } = await servedBy(({ id }) => ({ result: { status: "ok" }, id }));
    const left = new Promise((resolve) => {
      server.on("connection", (socket) => {
        connections++;
        socket.once("close", resolve);
      });
    });
    const wire = wireTo(port, { idleTimeoutMs: 30 });
    await wire.call("health", {});
    await left;
    expect(await wire.call("health", {})).toEqual({ status: "ok" });
    expect(connections).toBe(2);
  });

  it("is the result of an invalid response", async () => {
    const { port } = await servedBy((_request, socket) => {
      socket.write(Buffer.from("ffffffff", "hex"));
      return undefined;
    });
    const wire = wireTo(port);
    await expect(wire.call("health", {})).rejects.toMatchObject({
      code: "ERR_VAULT_SERVICE_UNAVAILABLE",
    });
    const nonsense = await servedBy(({ id }) => ({ id, result: 5 }));
    await expect(wireTo(nonsense.port).call("health", {})).rejects.toMatchObject({
      code: "ERR_VAULT_SERVICE_UNAVAILABLE",
    });
  });
});

describe("time and bounds of a wire", () => {
  it("a missing server is unavailable, and the cause names no path", async () => {
    const wire = jsonRpcTransport({ path: "/nowhere/vault.sock" });
    const error: unknown = await wire.call("health", {}).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ERR_VAULT_SERVICE_UNAVAILABLE" });
    expect(String((error as Error).cause)).toBe("ConnectionLostError: connecting failed: ENOENT");
  });

  it("a call may be aborted, before and after it was sent", async () => {
    let arrived: (() => void) | undefined;
    const { port } = await servedBy(() => {
      arrived?.();
      return undefined;
    });
    const sent = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const wire = wireTo(port);
    const gone = AbortSignal.abort(new Error("before"));
    await expect(wire.call("health", {}, { signal: gone })).rejects.toThrow("before");
    const controller = new AbortController();
    const call = wire.call("health", {}, { signal: controller.signal });
    const failing = expect(call).rejects.toThrow("after");
    await sent;
    controller.abort(new Error("after"));
    await failing;
  });

  it("a call aborted while connecting sends nothing later", async () => {
    const seen: unknown[] = [];
    const { port } = await servedBy(({ id, method }) => {
      seen.push(method);
      return { id, result: {} };
    });
    const wire = wireTo(port);
    const controller = new AbortController();
    const call = wire.call("seal", SEAL, { signal: controller.signal });
    controller.abort(new Error("now"));
    await expect(call).rejects.toThrow("now");
    await wire.call("health", {});
    expect(seen).toEqual(["health"]);
  });

  it("a request that the server would refuse without naming the call is not sent", async () => {
    const { port } = await served();
    const wire = wireTo(port, { token: "records-token", maxRequestBytes: 10_000 });
    const large = wire.call("seal", { ...SEAL, data: "x".repeat(10_000) });
    await expect(large).rejects.toMatchObject({ code: "ERR_VAULT_REQUEST_TOO_LARGE" });
    const deep = JSON.parse(`${"[".repeat(63)}1${"]".repeat(63)}`) as unknown;
    await expect(wire.call("seal", { ...SEAL, data: deep })).rejects.toThrow(RangeError);
    expect(await wire.call("health", {})).toEqual({ status: "ok" });
  });

  it("close waits for calls in flight, takes no new ones, and may be called twice", async () => {
    let answer: (() => void) | undefined;
    const { port } = await servedBy(({ id }, socket) => {
      answer = () => socket.write(frameOf(JSON.stringify({ id, result: { status: "ok" } })));
      return undefined;
    });
    const wire = wireTo(port);
    const call = wire.call("health", {});
    while (answer === undefined) await nextTurn();
    const closing = wire.close();
    await expect(wire.call("health", {})).rejects.toMatchObject({ code: "ERR_VAULT_CLOSED" });
    answer();
    await Promise.all([closing, expect(call).resolves.toEqual({ status: "ok" })]);
    await expect(wire.call("health", {})).rejects.toMatchObject({ code: "ERR_VAULT_CLOSED" });
    await wire.close();
  });

  it.each([
    ["no address", undefined, {}],
    ["a path and a port", { path: "/x", port: 1 }, {}],
    ["a port out of bounds", { port: 0 }, {}],
    ["an empty host", { host: "" }, {}],
    ["an unknown option", { port: 1 }, { tokn: "x" }],
    ["a token of the wrong kind", { port: 1 }, { token: 5 }],
    ["a deadline out of bounds", { port: 1 }, { responseTimeoutMs: 0 }],
  ])("refuses %s", (_name, address, options) => {
    expect(() => jsonRpcTransport(address as never, options as never)).toThrow(/address|options/);
  });
});
