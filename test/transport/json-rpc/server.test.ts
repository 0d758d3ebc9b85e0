import { mkdtemp, rm, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Authenticator } from "../../../src/auth/authenticator.js";
import { HandleVault } from "../../../src/index.js";
import { frameOf } from "../../../src/transport/json-rpc/frames.js";
import { serveJsonRpc } from "../../../src/transport/json-rpc.js";
import { loadVectors } from "../../support/vectors.js";
import type { Answer } from "./raw-peer.js";
import { GATEWAY, localTrust, openScenes, RECORDS, sealParams } from "./scene.js";

const UNAVAILABLE = { code: -32016, data: { code: "ERR_VAULT_SERVICE_UNAVAILABLE" } };
const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;
const health = { jsonrpc: "2.0", method: "health", id: 7 };
const viewRequest = (handleId: string, id: number): object => ({
  ...{ jsonrpc: "2.0", method: "get_safe_view", params: [handleId], id },
});
const open = openScenes();

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a JSON-RPC server", () => {
  it("does every operation, by name and with the vault. prefix, by members and by position", async () => {
    const { peerAs } = await open();
    const [records, gateway] = [await peerAs("records-token"), await peerAs("gateway-token")];
    const sealed = await records.ask("vault.seal", sealParams({ max_uses: 5 }));
    expect(sealed.result).toMatchObject({ owner_principal: RECORDS, safe_view: "a payload" });
    const id = sealed.result?.["id"];
    expect((await gateway.ask("unseal", { id })).result).toEqual({ data: "a secret" });
    expect((await gateway.ask("unseal", { handle_id: id })).result).toEqual({ data: "a secret" });
    expect((await gateway.ask("vault.unseal", [id, GATEWAY])).result).toEqual({ data: "a secret" });
    expect((await gateway.ask("get_safe_view", [id])).result).toEqual({ safe_view: "a payload" });
    expect((await gateway.ask("describe", { id })).result).toMatchObject({ uses_left: 2 });
    await records.ask("grant", { id, principal: "x" });
    const revoked = await records.ask("revoke", [id, "x"]);
    expect(revoked.result).toMatchObject({ granted_principals: [GATEWAY] });
    expect((await records.ask("renew", { id, ttl_seconds: 9 })).result).toMatchObject({ id });
    const many = await records.ask("seal_many", { requests: [sealParams(), {}] });
    expect(many.result).toMatchObject({ outcomes: [{ ok: true }, { ok: false }] });
    const opened = await gateway.ask("unseal_many", { requests: [{ id }, { id: UNKNOWN_ID }] });
    expect(opened.result).toMatchObject({
      outcomes: [
        { ok: true, value: { data: "a secret" } },
        { ok: false, error: { code: "ERR_VAULT_HANDLE_NOT_FOUND" } },
      ],
    });
    expect((await records.ask("invalidate", { id })).result).toEqual({ ok: true });
    expect((await records.ask("health")).result).toEqual({ status: "ok" });
  });

  it("carries bytes as base64, marked by a member next to the payload", async () => {
    const { peerAs } = await open();
    const peer = await peerAs("records-token");
    const given = { data: "AAH/", data_encoding: "base64" };
    const { result } = await peer.ask("seal", sealParams(given));
    expect((await peer.ask("unseal", { id: result?.["id"] })).result).toEqual(given);
  });

  it("answers errors by the original's numbers, with the library's code beside them", async () => {
    const { peerAs } = await open();
    const peer = await peerAs("agent-token");
    const sealed = await (await peerAs("records-token")).ask("seal", sealParams());
    const expired = await peer.ask("seal", sealParams({ ttl_seconds: 0 }));
    const table: [string | undefined, object, number, string][] = [
      ["unseal", { id: UNKNOWN_ID }, -32001, "ERR_VAULT_HANDLE_NOT_FOUND"],
      ["unseal", { id: expired.result?.["id"] }, -32002, "ERR_VAULT_HANDLE_EXPIRED"],
      ["unseal", { id: sealed.result?.["id"] }, -32003, "ERR_VAULT_HANDLE_ACCESS_DENIED"],
      ["unseal", { id: 5 }, -32602, "ERR_VAULT_INVALID_TYPE"],
      ["seal", sealParams({ ttl_seconds: -1 }), -32602, "ERR_VAULT_OUT_OF_RANGE"],
      ["unseal", ["a", "b", "c"], -32602, "ERR_VAULT_OUT_OF_RANGE"],
    ];
    for (const [method = "", params, code, name] of table) {
      expect((await peer.ask(method, params)).error).toMatchObject({ code, data: { code: name } });
    }
    expect((await peer.ask("drop_all")).error).toEqual({
      code: -32601,
      message: "Method not found",
    });
  });

  it("continues after a frame that is not JSON", async () => {
    const { peer } = await open();
    const raw = await peer();
    for (const text of ["{", "", "nope", "[]"]) {
      raw.send(text);
      expect((await raw.next()).error?.code).toBe(text === "[]" ? -32600 : -32700);
    }
    raw.send(health);
    expect((await raw.next()).result).toEqual({ status: "ok" });
  });

  it("answers requests as they finish, not as they came", async () => {
    let release = (): void => undefined;
    class Slow extends HandleVault {
      override async getSafeView(id: string): Promise<string> {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return await super.getSafeView(id);
      }
    }
    const { peerAs } = await open({ vault: new Slow() });
    const peer = await peerAs("records-token");
    peer.send({ jsonrpc: "2.0", method: "get_safe_view", params: { id: UNKNOWN_ID }, id: "slow" });
    peer.send({ jsonrpc: "2.0", method: "health", id: "fast" });
    expect((await peer.next()).id).toBe("fast");
    release();
    expect((await peer.next()).id).toBe("slow");
  });

  it("answers a batch with one frame and notifications not at all", async () => {
    const { peerAs } = await open();
    const peer = await peerAs("records-token");
    peer.send({ jsonrpc: "2.0", method: "health" });
    peer.send([{ jsonrpc: "2.0", method: "health" }, health, 1, { method: "authenticate", id: 8 }]);
    const answers = (await peer.next()) as unknown as { id: unknown }[];
    expect(answers.map(({ id }) => id)).toEqual([7, null, 8]);
  });

  it("finishes the requests of a client that closed its sending side", async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    class Slow extends HandleVault {
      override async getSafeView(): Promise<string> {
        await released;
        return "view";
      }
    }
    const { peerAs } = await open({ vault: new Slow() });
    const [peer, other] = [await peerAs("records-token"), await peerAs("gateway-token")];
    for (let id = 0; id < 200; id++) peer.send({ jsonrpc: "2.0", method: "health", id });
    for (let id = 0; id < 50; id++) peer.send(viewRequest("x", id));
    peer.socket.end();
    // Other requests get responses: the server has noticed the end while requests are in flight.
    for (let round = 0; round < 20; round++) await other.ask("health");
    release();
    expect(await peer.rest()).toHaveLength(250);
  });

  it("never has more requests in flight than allowed, and answers all of them", async () => {
    const inFlight = [0, 0, 0];
    let [most, mostOfOne] = [0, 0];
    class Counting extends HandleVault {
      override async getSafeView(id: string): Promise<string> {
        const place = Number(id);
        inFlight[place] = (inFlight[place] ?? 0) + 1;
        mostOfOne = Math.max(mostOfOne, inFlight[place]);
        most = Math.max(
          most,
          inFlight.reduce((sum, count) => sum + count),
        );
        await nextTurn();
        inFlight[place]--;
        return "view";
      }
    }
    const limits = { maxInFlightPerConnection: 5, maxInFlight: 8 };
    const { peerAs } = await open({ vault: new Counting(), ...limits });
    const peers = await Promise.all(inFlight.map(() => peerAs("records-token")));
    for (const [place, peer] of peers.entries()) {
      // They arrive together, more than one connection may have in flight.
      peer.socket.cork();
      for (let id = 0; id < 50; id++) peer.send(viewRequest(`${place}`, id));
      peer.socket.uncork();
    }
    for (const peer of peers) {
      for (let answers = 0; answers < 50; answers++)
        expect((await peer.next()).error).toBeUndefined();
    }
    expect(mostOfOne).toBe(5);
    expect(most).toBeLessThanOrEqual(8);
    expect(most).toBeGreaterThan(1);
  });

  it("pauses a client that does not receive its responses, until it does", async () => {
    let opened = 0;
    class Counting extends HandleVault {
      override async unseal<T>(id: string, principal: string): Promise<T> {
        opened++;
        return await super.unseal<T>(id, principal);
      }
    }
    const { peerAs } = await open({ vault: new Counting(), maxUnsentBytes: 100_000 });
    const peer = await peerAs("records-token");
    const data = "x".repeat(100_000);
    const { result } = await peer.ask("seal", sealParams({ data }));
    peer.socket.pause();
    for (let id = 0; id < 400; id++)
      peer.send({ jsonrpc: "2.0", method: "unseal", params: [result?.["id"]], id });
    const other = await peerAs("gateway-token");
    for (let before = -1; before < opened; ) {
      before = opened;
      // Other requests get responses, so the server has had a turn for this connection between each two of
      // them.
      for (let round = 0; round < 20; round++) await other.ask("health");
    }
    // The allowance is for frames in kernel buffers and in flight.
    expect(opened).toBeLessThan(300);
    peer.socket.resume();
    for (let id = 0; id < 400; id++) expect((await peer.next()).result).toEqual({ data });
  });

  it("lets frames wait for bytes that other connections reserve, and then serves them", async () => {
    const sealed: unknown[] = [];
    class Noting extends HandleVault {
      override async seal(...given: Parameters<HandleVault["seal"]>) {
        sealed.push(given[1].safeView);
        return await super.seal(...given);
      }
    }
    const limits = { maxFrameBytes: 100_000, maxBufferedBytes: 100_000 };
    const { peerAs } = await open({ vault: new Noting(), ...limits });
    const [first, second] = [await peerAs("records-token"), await peerAs("records-token")];
    const other = await peerAs("gateway-token");
    const frameWith = (safe_view: string) => {
      const params = sealParams({ data: "x".repeat(80_000), safe_view });
      return frameOf(JSON.stringify({ jsonrpc: "2.0", method: "seal", params, id: 1 }));
    };
    // Other requests get responses, so the server has read the earlier bytes.
    const later = async () => {
      for (let round = 0; round < 20; round++) await other.ask("health");
    };
    first.socket.write(frameWith("first").subarray(0, 1000));
    await later();
    second.socket.write(frameWith("second"));
    await later();
    expect(sealed).toEqual([]);
    first.socket.write(frameWith("first").subarray(1000));
    expect((await first.next()).result).toMatchObject({ safe_view: "first" });
    expect((await second.next()).result).toMatchObject({ safe_view: "second" });
    expect(sealed).toEqual(["first", "second"]);
  });

  it("releases the reservation of a client that disconnected", async () => {
    const limits = {
      maxFrameBytes: 1000,
      maxBufferedBytes: 1000,
      maxUnauthenticatedFrameBytes: 1000,
    };
    const { peer } = await open({ ...limits });
    for (let round = 0; round < 5; round++) {
      const leaving = await peer();
      leaving.socket.write(Buffer.from("000003e8ff", "hex"));
      await (await peer()).ask("health");
      leaving.socket.destroy();
    }
    const staying = await peer();
    // A frame that is not complete needs a reservation; a complete one could do without.
    const frame = frameOf(JSON.stringify(health));
    staying.socket.write(frame.subarray(0, 5));
    await (await peer()).ask("health");
    staying.socket.write(frame.subarray(5));
    expect((await staying.next()).result).toEqual({ status: "ok" });
  });
});

describe("frames on the wire", () => {
  interface FrameCase {
    readonly name: string;
    readonly hex: string | null;
    readonly expect: string;
  }
  const cases = loadVectors<FrameCase[]>("jsonrpc/frames.json");
  const deep = frameOf("[".repeat(100_000) + "]".repeat(100_000)).toString("hex");

  it.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const { peer } = await open({
      auth: localTrust,
      maxUnauthenticatedFrameBytes: 1_000_000,
    });
    const raw = await peer();
    const bytes = Buffer.from(one.hex ?? deep, "hex");
    const step = one.expect.includes("1 byte at a time") ? 1 : bytes.length;
    for (let at = 0; at < bytes.length; at += step) {
      raw.socket.write(bytes.subarray(at, at + step));
      if (step === 1) await new Promise((resolve) => setImmediate(resolve));
    }
    const isLost = /too long|over the limit|at once|as above/.test(one.expect + one.name);
    if (!isLost || one.name.includes("EOF")) raw.socket.end();
    const codes = (await raw.rest()).map(({ error }) => error?.code);
    expect(codes).toEqual(codesOf(one.expect));
  });

  function codesOf(expected: string): number[] {
    if (expected.startsWith("two answers")) return [-32001, -32001];
    if (expected.startsWith("answer")) return [-32001];
    if (/^close/.test(expected)) return [];
    if (/over the limit|at once|as above/.test(expected)) return [-32013];
    return [expected.includes("stack overflow") ? -32600 : -32700];
  }

  it("may be split at every byte", async () => {
    const { peer } = await open();
    const [raw, other] = [await peer(), await peer()];
    const frame = frameOf(JSON.stringify(health));
    for (let at = 0; at <= frame.length; at++) {
      raw.socket.write(frame.subarray(0, at));
      // Another request gets a response: the server has read the first part without the second.
      await other.ask("health");
      raw.socket.write(frame.subarray(at));
      expect((await raw.next()).id).toBe(7);
    }
  });

  it("that announce 4 GiB cost less than 1 MiB and close the connection at once", async () => {
    const { peer } = await open();
    const allocations = (["alloc", "allocUnsafe", "allocUnsafeSlow"] as const).map((name) =>
      vi.spyOn(Buffer, name),
    );
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 20; round++) {
      const raw = await peer();
      raw.socket.write(Buffer.from("ffffffff", "hex"));
      expect((await raw.rest()).map(({ error }) => error?.code)).toEqual([-32013]);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 2 ** 20);
    // Memory that was allocated and freed again shows in no later measurement.
    const sizes = allocations.flatMap(({ mock }) => mock.calls.map(([size]) => size));
    expect(Math.max(...sizes)).toBeLessThan(2 ** 20);
  });
});

describe("time", () => {
  it("closes a connection that does not authenticate", async () => {
    const { peer } = await open({ authenticationTimeoutMs: 50 });
    const raw = await peer();
    raw.send(health);
    await raw.closed();
  });

  it("ends a connection that sends a frame too slowly, however busy it looks", async () => {
    const { peerAs } = await open({ frameTimeoutMs: 500 });
    const raw = await peerAs("records-token");
    raw.socket.write(Buffer.from("00ffffff", "hex"));
    // Sends a byte in each turn, so that no pause is ever as long as the limit.
    while (!raw.socket.closed) {
      raw.socket.write("x");
      await nextTurn();
    }
  });

  it("ends a connection that does nothing, but not one that waits for an answer", async () => {
    const idleTimeoutMs = 997;
    const timeouts = vi.spyOn(Socket.prototype, "setTimeout");
    class Slow extends HandleVault {
      override async getSafeView(): Promise<string> {
        // The server has found the connection idle, and restarted its timer.
        while (timeouts.mock.calls.filter(([ms]) => ms === idleTimeoutMs).length < 2) {
          await nextTurn();
        }
        return "late";
      }
    }
    const { peerAs } = await open({ vault: new Slow(), idleTimeoutMs });
    const peer = await peerAs("records-token");
    expect((await peer.ask("get_safe_view", ["x"])).result).toEqual({ safe_view: "late" });
    await peer.closed();
  });

  it("ends a connection that does not take its answers", async () => {
    const { peerAs } = await open({ idleTimeoutMs: 1000, maxUnsentBytes: 1 });
    const peer = await peerAs("records-token");
    const { result } = await peer.ask("seal", sealParams({ data: "x".repeat(1_000_000) }));
    peer.socket.pause();
    for (let id = 0; id < 20; id++)
      peer.send({ jsonrpc: "2.0", method: "unseal", params: [result?.["id"]], id });
    const ends = vi.spyOn(Socket.prototype, "destroy");
    while (ends.mock.calls.length === 0) await nextTurn();
    peer.socket.resume();
    expect((await peer.rest()).length).toBeLessThan(20);
  });

  it("closes the oldest unauthenticated connection for a new one", async () => {
    const { peer, peerAs } = await open({ maxConnections: 3 });
    const known = await peerAs("records-token");
    const [oldest, younger] = [await peer(), await peer()];
    expect((await younger.ask("health")).error).toBeUndefined();
    const newest = await peer();
    await oldest.closed();
    for (const raw of [known, younger, newest]) {
      expect((await raw.ask("health")).error).toBeUndefined();
    }
  });
});

describe("stop", () => {
  it("finishes requests in flight, refuses later ones, and leaves the vault open", async () => {
    let release = (): void => undefined;
    const inFlight = new Promise<void>((resolve) => {
      release = resolve;
    });
    const entered: (() => void)[] = [];
    class Slow extends HandleVault {
      override async getSafeView(): Promise<string> {
        for (const tell of entered) tell();
        await inFlight;
        return "finished";
      }
    }
    const vault = new Slow();
    const { server, peerAs, peer } = await open({ vault });
    const busy = await peerAs("records-token");
    const idle = await peer();
    const begun = new Promise<void>((resolve) => entered.push(resolve));
    busy.send({ jsonrpc: "2.0", method: "get_safe_view", params: ["x"], id: 1 });
    await begun;
    const stopped = server.stop();
    expect(server.stop()).toBe(stopped);
    await idle.closed();
    busy.send(health);
    expect(await busy.next()).toMatchObject({ id: 7, error: UNAVAILABLE });
    let isStopped = false;
    void stopped.then(() => {
      isStopped = true;
    });
    for (let round = 0; round < 20; round++) await nextTurn();
    expect(isStopped).toBe(false);
    release();
    expect((await busy.rest()).map(({ result }) => result)).toEqual([{ safe_view: "finished" }]);
    await stopped;
    await expect(peer()).rejects.toThrow("ECONNREFUSED");
    await expect(vault.seal("x", { ownerPrincipal: RECORDS, safeView: "" })).resolves.toBeDefined();
  });

  it("refuses each request that has not begun once, wherever it waits", async () => {
    const begun: string[] = [];
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    class Slow extends HandleVault {
      override async getSafeView(id: string): Promise<string> {
        begun.push(id);
        await released;
        return "finished";
      }
    }
    const slow: Authenticator = {
      authenticate: async ({ bearerToken }) => {
        if (bearerToken === "never") await new Promise(() => undefined);
        return bearerToken === undefined ? undefined : { principal: RECORDS };
      },
    };
    const { server, peer, peerAs } = await open({
      ...{ vault: new Slow(), auth: slow, maxInFlightPerConnection: 3 },
    });
    const [held, gated, batched] = [await peerAs("a"), await peer(), await peerAs("b")];
    for (let id = 0; id < 10; id++)
      held.send({ jsonrpc: "2.0", method: "get_safe_view", params: [`${id}`], id });
    gated.send({ jsonrpc: "2.0", method: "authenticate", params: ["never"], id: 0 });
    for (let id = 1; id < 10; id++)
      gated.send({ jsonrpc: "2.0", method: "get_safe_view", params: ["g"], id });
    batched.send(
      Array.from({ length: 10 }, (_, id) => ({
        jsonrpc: "2.0",
        method: "get_safe_view",
        params: ["b"],
        id,
      })),
    );
    while (begun.length < 3 + 4) await new Promise(setImmediate);
    const stopped = server.stop();
    const refused = (answers: readonly Answer[]) => {
      const errors = answers.filter(({ error }) => error !== undefined);
      for (const { error } of errors) expect(error).toMatchObject(UNAVAILABLE);
      return errors.map(({ id }) => Number(id)).sort();
    };
    expect(refused(await gated.rest())).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // A refusal does not wait for requests in flight.
    const early: Answer[] = [];
    for (let count = 0; count < 7; count++) early.push(await held.next());
    expect(refused(early)).toEqual([3, 4, 5, 6, 7, 8, 9]);
    release();
    const finished = await held.rest();
    expect(finished).toHaveLength(3);
    expect(refused(finished)).toEqual([]);
    expect(refused((await batched.rest()).flat() as Answer[])).toEqual([4, 5, 6, 7, 8, 9]);
    await stopped;
    expect(begun).toHaveLength(3 + 4);
  });

  it("refuses requests that arrived unread, also on connections that are not accepted yet", async () => {
    // A test that waits for one of these limits fails by its own time limit first.
    const { server, peer } = await open({
      ...{ authenticationTimeoutMs: 3_600_000, idleTimeoutMs: 3_600_000 },
      stopTimeoutMs: 3_600_000,
    });
    const peers = await Promise.all(Array.from({ length: 20 }, () => peer()));
    for (const raw of peers) raw.send(health);
    const stopped = server.stop();
    for (const raw of peers) {
      expect(await raw.rest()).toMatchObject([{ id: 7, error: UNAVAILABLE }]);
    }
    await stopped;
  });

  it("does not wait longer than it is allowed to", async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    class Stuck extends HandleVault {
      override async getSafeView(): Promise<string> {
        await released;
        return "late";
      }
    }
    const patient = await open({ vault: new Stuck() });
    const hasty = await open({ vault: new Stuck(), stopTimeoutMs: 50 });
    const begun = async ({ peerAs }: typeof hasty) => {
      const peer = await peerAs("records-token");
      peer.send(viewRequest("x", 1));
      await peer.ask("health");
      return peer;
    };
    const [, peer] = [await begun(patient), await begun(hasty)];
    const stopped = [patient, hasty].map(async ({ server }) => {
      await server.stop();
      return server;
    });
    // The other server began to stop earlier, and has a longer limit.
    expect(await Promise.race(stopped)).toBe(hasty.server);
    expect(await peer.rest()).toEqual([]);
    release();
  });

  it("removes a Unix socket, which was its owner's alone", async () => {
    const directory = await mkdtemp(join(tmpdir(), "handlevault-rpc-"));
    try {
      const path = join(directory, "vault.sock");
      const { server, peerAs } = await open({ path, port: undefined });
      expect(server.address).toEqual({ path });
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await (await peerAs("records-token")).ask("health")).error).toBeUndefined();
      await server.stop();
      await expect(stat(path)).rejects.toThrow("ENOENT");
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe("options", () => {
  const vault = new HandleVault();
  const auth: Authenticator = { authenticate: () => undefined };

  it.each([
    ["no auth", {}],
    ["auth that is none", { auth: {} }],
    ["an unknown option", { auth, prot: 5 }],
    ["a limit of the wrong kind", { auth, maxFrameBytes: "1" }],
    ["an unknown limit", { auth, maxFrames: 1 }],
    ["a limit out of bounds", { auth, maxFrameBytes: 0 }],
    ["less room than for one frame", { auth, maxBufferedBytes: 1 }],
    ["a port out of bounds", { auth, port: 70_000 }],
    ["other machines without TLS", { auth, host: "0.0.0.0", port: 0 }],
    [
      "other machines for an authenticator of this one",
      { auth: localTrust, host: "0.0.0.0", port: 0, insecureTransport: true },
    ],
  ])("refuse %s", async (_name, options) => {
    await expect(serveJsonRpc(vault, options as never)).rejects.toThrow(
      /must|has an unknown|lets other machines|believes/,
    );
  });
});
