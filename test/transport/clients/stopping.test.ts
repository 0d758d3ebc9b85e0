import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type Authenticator, trustLocalCallers } from "../../../src/auth.js";
import { HandleVault } from "../../../src/index.js";
import { OWNER, sealOptions } from "../../support/vault.js";
import { clientOf, serverOf, WIRES, type WireName } from "./wires.js";

vi.mock("../../../src/primitives/timers.js", async (genuine) => ({
  ...(await genuine<object>()),
  ...(await import("../../support/global-timers.js")),
}));

const UNKNOWN = { code: "ERR_VAULT_OUTCOME_UNKNOWN" };

/** A server with a request in flight that never gets a response. */
async function hung(wire: WireName, options: { readonly stopTimeoutMs?: number } = {}) {
  const vault = new HandleVault();
  const { id } = await vault.seal("secret", sealOptions());
  let asked: () => void = () => undefined;
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  vault.unseal = () => {
    asked();
    return new Promise(() => undefined);
  };
  const { server, port } = await serverOf(wire, vault, { auth: trustLocalCallers(), ...options });
  const call = clientOf(wire, port).unseal(id, OWNER);
  const lost = expect(call).rejects.toMatchObject(UNKNOWN);
  await isAsked;
  return { server, lost };
}

describe.each(WIRES)("a server over %s with a request that is never answered", (wire) => {
  it("stops within its time limit, and the caller learns that the outcome is unknown", async () => {
    const { server, lost } = await hung(wire, { stopTimeoutMs: 50 });
    await server.stop();
    await lost;
  });

  it("stops after five seconds by default, and not before", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { server, lost } = await hung(wire);
    let isOver = false;
    const stopped = server.stop().then(() => {
      isOver = true;
    });
    await vi.advanceTimersByTimeAsync(4999);
    await turns(() => false);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await turns(() => isOver);
    expect(isOver).toBe(true);
    await stopped;
    await lost;
  });
});

/** Requests for a safe view over the two HTTP wires, from clients that are not ours. */
const VIEWS = {
  http: (id: string) => ({ method: "GET", path: `/handles/${id}/safe_view`, body: "", type: "" }),
  "xml-rpc": (id: string) => ({
    ...{ method: "POST", path: "/RPC2", type: "text/xml" },
    body: `<methodCall><methodName>get_safe_view</methodName><params><param><value>${id}</value></param></params></methodCall>`,
  }),
} as const;

const UPLOADS = {
  http: "POST /handles HTTP/1.1\r\nContent-Type: application/json",
  "xml-rpc": "POST /RPC2 HTTP/1.1\r\nContent-Type: text/xml",
} as const;

describe.each(["http", "xml-rpc"] as const)("a server over %s that stops", (wire) => {
  async function scene(auth: Authenticator = trustLocalCallers()) {
    const waiting: (() => void)[] = [];
    let views = 0;
    const vault = new HandleVault();
    vault.getSafeView = () => {
      views++;
      return new Promise((resolve) => waiting.push(() => resolve("late")));
    };
    const { server, port } = await serverOf(wire, vault, { auth });
    const { body, type, ...place } = VIEWS[wire]("hdl_x");
    const head = [
      `${place.method} ${place.path} HTTP/1.1`,
      ...["Host: localhost", `Content-Type: ${type}`, `Content-Length: ${body.length}`],
    ].join("\r\n");
    const letGo = () => {
      for (const finish of waiting) finish();
    };
    const text = `${head}\r\n\r\n${body}`;
    return { server, port, text, letGo, views: () => views };
  }

  it("answers later requests on kept connections with nothing-was-done, and requests in flight as usual", async () => {
    const { server, port, text, letGo, views } = await scene();
    const [busy, kept] = [await rawTo(port), await rawTo(port)];
    kept.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    while (kept.text() === "") await new Promise(setImmediate);
    busy.write(text);
    while (views() === 0) await new Promise(setImmediate);
    const stopped = server.stop();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    const before = kept.text().length;
    kept.write(text);
    await kept.closed;
    expectRefusal(kept.text().slice(before));
    letGo();
    await Promise.all([busy.closed, stopped]);
    expect(busy.text()).toMatch(/^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*late/is);
    expect(views()).toBe(1);
  });

  it("answers requests that arrived unread, also on connections that are not accepted yet", async () => {
    const { server, port, text, views } = await scene();
    const unread = await Promise.all(Array.from({ length: 20 }, () => rawTo(port)));
    for (const raw of unread) raw.write(text);
    const stopped = server.stop();
    for (const raw of unread) {
      await raw.closed;
      expectRefusal(raw.text());
    }
    await stopped;
    expect(views()).toBe(0);
  });

  it("answers a request whose body is still to come, and does not wait for it", async () => {
    const { server, port, views } = await scene();
    const raw = await rawTo(port);
    raw.write(`${UPLOADS[wire]}\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n<`);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    const stopped = server.stop();
    await raw.closed;
    expectRefusal(raw.text());
    await stopped;
    expect(views()).toBe(0);
  });

  it("answers a request whose sender is not known yet", async () => {
    let isAsked = false;
    const { server, port, text, views } = await scene({
      authenticate: () => {
        isAsked = true;
        return new Promise(() => undefined);
      },
    });
    const raw = await rawTo(port);
    raw.write(text.replace("\r\n", "\r\nAuthorization: Bearer x\r\n"));
    while (!isAsked) await new Promise(setImmediate);
    const stopped = server.stop();
    await raw.closed;
    expectRefusal(raw.text());
    await stopped;
    expect(views()).toBe(0);
  });
});

/** Expects a response which shows that nothing was done and that the connection cannot be used further. */
function expectRefusal(text: string): void {
  const [head = "", body = ""] = text.split("\r\n\r\n");
  expect(head).toMatch(/^HTTP\/1\.1 503 /);
  expect(head).toMatch(/^connection: close$/im);
  expect(JSON.parse(body)).toEqual({
    error: expect.any(String),
    code: "ERR_VAULT_SERVICE_UNAVAILABLE",
    request_id: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
}

/** A connection that sends bytes, and collects the response. */
async function rawTo(port: number) {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  let text = "";
  socket.on("data", (part) => {
    text += part.toString("latin1");
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "connect");
  return { write: (bytes: string) => socket.write(bytes), text: () => text, closed };
}

/** Lets sockets do their work until a condition is true, or for a limited number of turns. */
async function turns(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !isSo(); turn++) await new Promise(setImmediate);
}
