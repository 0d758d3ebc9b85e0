import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Authenticator } from "../../../src/auth/authenticator.js";
import { tokenAuth } from "../../../src/auth/token.js";
import { AuthenticationUnavailableError } from "../../../src/errors.js";
import { HandleVault } from "../../../src/index.js";
import { readMethodResponse } from "../../../src/transport/xml-rpc/call.js";
import { serveXmlRpc, type XmlRpcServerOptions } from "../../../src/transport/xml-rpc.js";
import { makeTlsIdentity } from "../../support/servers/tls.js";
import { GRANTEE, OWNER, STRANGER, sealOptions } from "../../support/vault.js";
import { call, exchange, type RawRequest, raw, remoteVault, served } from "./scene.js";

const TOKEN = "t".repeat(43);
const bearer = `Authorization: Bearer ${TOKEN}`;
const auth = tokenAuth({ tokens: [{ token: TOKEN, principal: OWNER }] });

/** A test that waits for one of these limits fails by its own time limit first. */
const PATIENT = {
  ...{ headersTimeoutMs: 3_600_000, requestTimeoutMs: 3_600_000 },
  idleTimeoutMs: 3_600_000,
};

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const bodyOf = (answer: string) => answer.slice(answer.indexOf("\r\n\r\n") + 4);
const faultOf = (answer: string) => readMethodResponse(bodyOf(answer)).fault;
const resultIn = (answer: string) =>
  readMethodResponse(Buffer.from(bodyOf(answer), "latin1")).value;

describe("requests that HTTP refuses before XML-RPC reads them", () => {
  const health = call("health");
  it.each<[number, string, RawRequest]>([
    [404, "another path", { line: "POST /rpc HTTP/1.1", body: health }],
    [405, "a GET", { line: "GET / HTTP/1.1" }],
    [405, "an OPTIONS", { line: "OPTIONS /RPC2 HTTP/1.1" }],
    [403, "an Origin", { headers: ["Origin: https://example.org"], body: health }],
    [403, "an Origin that is null", { headers: ["Origin: null"], body: health }],
    [421, "another Host", { headers: ["Host: rebound.example.org"], body: health }],
    [415, "plain text", { headers: ["Content-Type: text/plain"], body: health }],
    [415, "JSON", { headers: ["Content-Type: application/json"], body: health }],
    [415, "another charset", { headers: ["Content-Type: text/xml; charset=utf-16"], body: health }],
    [415, "a compressed body", { headers: ["Content-Encoding: gzip"], body: health }],
    [413, "a length over the limit", { headers: ["Content-Length: 99999999999"] }],
    [
      413,
      "a length over the limit, asked about first",
      {
        headers: ["Content-Length: 99999999", "Expect: 100-continue"],
      },
    ],
    [400, "a negative length", { headers: ["Content-Length: -1"], body: health }],
    [400, "two lengths", { headers: ["Content-Length: 1", "Content-Length: 2"], body: "ab" }],
    [
      400,
      "a length and chunks",
      {
        headers: ["Content-Length: 1", "Transfer-Encoding: chunked"],
        body: "0\r\n\r\n",
      },
    ],
    [431, "headers of 20 KiB", { headers: [`X: ${"x".repeat(20_000)}`], body: health }],
  ])("%i for %s", async (status, _, request) => {
    const { port } = await served();
    expect(statusOf(await raw(port, request))).toBe(status);
  });

  it("counts chunks, and ends the connection at the limit", async () => {
    const { port } = await served({ maxBodyBytes: 1000 });
    const chunk = `3e8\r\n${"x".repeat(1000)}\r\n`;
    const headers = ["Transfer-Encoding: chunked"];
    expect(statusOf(await raw(port, { headers, body: chunk.repeat(2) }))).toBe(413);
    const endless = await served({ maxBodyBytes: 1000, ...PATIENT });
    const head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml";
    const begun = `${head}\r\n${headers[0]}\r\n\r\n`;
    // The sender does not ask to close, and sends more than the server discards of a refused body.
    const large = `100000\r\n${"x".repeat(2 ** 20)}\r\n`;
    await exchange(endless.port, begun + large.repeat(66));
  });

  it("says continue to a call that asks first", async () => {
    const { port } = await served();
    const answer = await raw(port, { headers: ["Expect: 100-continue"], body: call("health") });
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  it("reads neither a body nor a call of a client without a credential", async () => {
    const { port } = await served({ auth });
    const announced = ["Content-Length: 1000000"];
    const answer = await raw(port, { headers: announced });
    expect(statusOf(answer)).toBe(401);
    expect(answer).toMatch(/^www-authenticate: Bearer/m);
    for (const header of [
      `Authorization: Basic ${TOKEN}`,
      `Authorization: Bearer ${TOKEN}x`,
      `X: y\r\n${bearer}\r\n${bearer}`,
    ]) {
      const body = call("health");
      expect(statusOf(await raw(port, { headers: header.split("\r\n"), body }))).toBe(401);
    }
  });

  it("makes an address that failed often wait, whatever credential it sends next", async () => {
    const { port } = await served({ auth, failedAuthenticationsPerMinute: 2 });
    for (let failure = 0; failure < 2; failure++) {
      const headers = [`Authorization: Bearer guess${failure}`];
      expect(statusOf(await raw(port, { headers, body: call("health") }))).toBe(401);
    }
    const answer = await raw(port, { headers: [bearer], body: call("health") });
    expect(statusOf(answer)).toBe(429);
    expect(answer).toMatch(/^retry-after: \d+/m);
  });

  it("503 when authentication is unavailable, or there are too many requests", async () => {
    const away: Authenticator = {
      authenticate: () => Promise.reject(new AuthenticationUnavailableError()),
    };
    const { port } = await served({ auth: away });
    expect(statusOf(await raw(port, { body: call("health") }))).toBe(503);
    const busy = await served({ maxInFlight: 1, stopTimeoutMs: 50 });
    busy.vault.getSafeView = () => new Promise(() => undefined);
    const slow = raw(busy.port, { body: call("get_safe_view", "x") });
    const answers = await untilBusy(busy.port);
    expect(answers).toMatch(/^retry-after: 1\r/m);
    await busy.server.stop();
    await slow;
  });

  it("429 for a caller that sends more than it may", async () => {
    const { port } = await served({ requestsPerMinute: 1 });
    expect(statusOf(await raw(port, { body: call("health") }))).toBe(200);
    expect(statusOf(await raw(port, { body: call("health") }))).toBe(429);
  });
});

describe("faults", () => {
  it("have status 200, are not cacheable, and have fixed texts without any principal", async () => {
    const { vault, port } = await served();
    const { id } = await vault.seal("canary", sealOptions());
    const answer = await raw(port, { body: call("unseal", id, STRANGER) });
    expect(statusOf(answer)).toBe(200);
    expect(faultOf(answer)?.faultCode).toBe(403);
    expect(answer).toMatch(/^cache-control: no-store\r/m);
    for (const secret of [id, OWNER, GRANTEE, STRANGER, "canary", " at "]) {
      expect(answer).not.toContain(secret);
    }
  });

  it.each([
    [404, call("get_safe_view", `hdl_${"0".repeat(32)}`)],
    [400, call("no_such_method")],
    [400, call("vault.vault.health")],
    [400, call("__proto__")],
    [400, call("get_safe_view", "id", "one too many")],
    [400, call("system.methodHelp", "toString")],
    [400, "<methodCall/>"],
    [400, "<!DOCTYPE m><methodCall/>"],
    [400, ""],
    [400, call("seal", "data", 5, "view")],
  ])("%i for %s", async (faultCode, body) => {
    const { port } = await served();
    expect(faultOf(await raw(port, { body }))?.faultCode).toBe(faultCode);
  });

  it("refuses a date as payload, and states the alternative", async () => {
    const { port } = await served();
    const date = "<value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>";
    const body = call("seal", null, OWNER, "view").replace("<value><nil/></value>", date);
    const fault = faultOf(await raw(port, { body }));
    expect(fault).toMatchObject({
      faultCode: 400,
      faultString: expect.stringContaining("as text"),
    });
  });

  it("leaves a payload that XML cannot carry as it is", async () => {
    const { vault, port } = await served();
    const { id } = await vault.seal("a\u0000b", sealOptions());
    const other = await vault.seal("fine", sealOptions());
    const fault = faultOf(await raw(port, { body: call("unseal", id, OWNER) }));
    expect(fault?.faultCode).toBe(4001);
    const requests = [id, other.id].map((each) => ({ id: each, requesting_principal: OWNER }));
    expect(resultIn(await raw(port, { body: call("unseal_many", requests) }))).toEqual([
      {
        ok: false,
        error: {
          code: "ERR_VAULT_OUT_OF_RANGE",
          message: expect.any(String),
          details: { place: "data", rule: "xmlCharacters", bounds: [] },
        },
      },
      { ok: true, value: { data: "fine" } },
    ]);
    expect(await vault.unseal(id, OWNER)).toBe("a\u0000b");
  });
});

describe("methods", () => {
  it("are listed, explained, and have a prefix or none, on both paths", async () => {
    const { port } = await served();
    const listed = resultIn(await raw(port, { body: call("system.listMethods") })) as string[];
    expect(listed).toEqual(expect.arrayContaining(["seal", "unseal_many", "system.methodHelp"]));
    for (const method of listed) {
      const help = resultIn(await raw(port, { body: call("system.methodHelp", method) }));
      expect(help).toEqual(expect.any(String));
    }
    for (const line of ["POST / HTTP/1.1", "POST /RPC2 HTTP/1.1"]) {
      for (const method of ["health", "vault.health"]) {
        const answer = await raw(port, { line, body: call(method) });
        expect(resultIn(answer)).toEqual({ status: "ok" });
      }
    }
  });

  it("take application/xml and a charset", async () => {
    const { port } = await served();
    for (const type of ["application/xml", 'text/xml; charset="UTF-8"']) {
      const answer = await raw(port, { headers: [`Content-Type: ${type}`], body: call("health") });
      expect(statusOf(answer)).toBe(200);
    }
  });

  it("refuse an agent that names the gateway's principal in a call", async () => {
    const { vault, port } = await served({ auth });
    const { id } = await vault.seal("secret", sealOptions({ ownerPrincipal: GRANTEE }));
    const answer = await raw(port, { headers: [bearer], body: call("unseal", id, GRANTEE) });
    expect(faultOf(answer)?.faultCode).toBe(4031);
    const own = await vault.seal("own", sealOptions());
    expect(resultIn(await raw(port, { headers: [bearer], body: call("unseal", own.id) }))).toBe(
      "own",
    );
  });

  it("give safe views without a credential only where the options allow it", async () => {
    const open = await served({ auth, publicSafeViews: true });
    const { id } = await open.vault.seal("secret", sealOptions());
    expect(resultIn(await raw(open.port, { body: call("get_safe_view", id) }))).toBe("a payload");
    expect(statusOf(await raw(open.port, { body: call("unseal", id, OWNER) }))).toBe(401);
    const tooLong = ["Content-Length: 70000"];
    expect(statusOf(await raw(open.port, { headers: tooLong }))).toBe(413);
    const closed = await served({ auth });
    expect(statusOf(await raw(closed.port, { body: call("get_safe_view", id) }))).toBe(401);
  });

  it("unseal for gateways only, where they are named", async () => {
    const { vault, port } = await served({ gatewayPrincipals: [] });
    const { id } = await vault.seal("secret", sealOptions());
    const answer = await raw(port, { body: call("unseal", id, OWNER) });
    expect(faultOf(answer)?.faultCode).toBe(4031);
  });
});

describe("a server", () => {
  it.each<[string, object]>([
    ["no auth", {}],
    ["an unknown option", { auth, porte: 1 }],
    ["a port that is text", { auth, port: "1" }],
    ["another machine's view without TLS", { auth, host: "0.0.0.0", port: 0 }],
  ])("does not start with %s", async (_, options) => {
    const started = serveXmlRpc(new HandleVault(), options as XmlRpcServerOptions);
    await expect(started).rejects.toThrow(TypeError);
  });

  it("does not listen to other machines when it trusts local callers", async () => {
    const started = served({ host: "0.0.0.0", insecureTransport: true });
    await expect(started).rejects.toThrow(TypeError);
  });

  it("refuses a call that is still on its way when stopped, and can be stopped twice", async () => {
    const { port, server } = await served();
    const body = call("health");
    const head = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n`;
    const first = `${head}Content-Length: ${body.length}\r\n\r\n`;
    const slow = await slowExchange(port, { first, rest: body });
    const stopped = Promise.all([server.stop(), server.stop()]);
    slow.finish();
    expect(statusOf(await slow.answer)).toBe(503);
    await stopped;
    expect(await exchange(port, "x")).toBe("");
  });

  it("ends connections that do not finish within the time for stopping", async () => {
    const { vault, port, server } = await served({ stopTimeoutMs: 50 });
    const begun = new Promise<void>((resolve) => {
      vault.getSafeView = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    const stuck = raw(port, { body: call("get_safe_view", "x") });
    const slow = raw(port, { headers: ["Content-Length: 9"] });
    await begun;
    // The server reads it before data of a later connection.
    await raw(port, { body: call("health") });
    await server.stop();
    expect(await stuck).toBe("");
    expect(statusOf(await slow)).not.toBe(200);
  });

  it("ends connections that send their headers too slowly, however busy they look", async () => {
    const { port } = await served({ requestTimeoutMs: 500 });
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    onTestFinished(() => void socket.destroy());
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.write("POST / HTTP/1.1\r\nHost: localhost\r\nX: ");
    let sent = 0;
    for (; !socket.closed; sent++) {
      socket.write("x");
      // Other requests get responses, so the server reads each byte before the next one.
      await raw(port, { body: call("health") });
    }
    expect(answer).toMatch(/^(HTTP.*408|$)/);
    // Headers that are too long would be refused for another reason.
    expect(sent).toBeLessThan(10_000);
  });
});

describe("connections", () => {
  it("that are not authenticated are closed for newer ones, the oldest first", async () => {
    const { port } = await served({ maxConnections: 3, ...PATIENT });
    const open = async () => {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      onTestFinished(() => void socket.destroy());
      await once(socket, "connect");
      return socket;
    };
    const answered = async (socket: Socket) => {
      const body = call("health");
      const head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml";
      socket.write(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      const [answer] = await once(socket, "data");
      return statusOf(String(answer));
    };
    const known = await open();
    expect(await answered(known)).toBe(200);
    const [oldest, younger, newest] = [await open(), await open(), await open()];
    await once(oldest.resume(), "close");
    for (const staying of [known, younger, newest]) expect(await answered(staying)).toBe(200);
  });

  it("are encrypted where that was asked for, and only with a server that can be trusted", async () => {
    const identity = await makeTlsIdentity();
    onTestFinished(() => identity.remove());
    const { key, certificate, authority, ca } = identity;
    const own = { key: readFileSync(key), cert: readFileSync(certificate) };
    let shown: string | undefined;
    const mutual: Authenticator = {
      authenticate({ connection }) {
        shown = connection?.peerCertificate?.subject;
        return shown === undefined ? undefined : { principal: OWNER };
      },
    };
    const tls = { ...own, ca: readFileSync(authority), requestCert: true };
    const { url } = await served({ auth: mutual, tls: { ...tls, rejectUnauthorized: false } });
    const { id } = await remoteVault(url, { tls: { ...own, ca } }).seal("secret", sealOptions());
    expect(id).toMatch(/^hdl_/);
    expect(shown).toContain("127.0.0.1");
    const nobody = remoteVault(url, { tls: { ca } }).unseal(id, OWNER);
    await expect(nobody).rejects.toMatchObject({ code: "ERR_VAULT_UNAUTHENTICATED" });
    const untrusted = remoteVault(url).unseal(id, OWNER);
    await expect(untrusted).rejects.toMatchObject({ code: "ERR_VAULT_SERVICE_UNAVAILABLE" });
  });
});

/** Repeats a request until the server is busy with another one. */
async function untilBusy(port: number): Promise<string> {
  for (;;) {
    const answer = await raw(port, { body: call("health") });
    if (statusOf(answer) === 503) return answer;
  }
}

/** A request in two pieces. */
interface SlowExchange {
  readonly first: string;
  readonly rest: string;
}

/** Sends the first piece, and returns a function that sends the other, and the response. */
async function slowExchange(port: number, { first, rest }: SlowExchange) {
  const socket = connect(port, "127.0.0.1");
  const answer = new Promise<string>((resolve) => {
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
  await new Promise((resolve) => socket.write(first, resolve));
  // On the loopback interface, data sent earlier is read before data of a later connection.
  await raw(port, { body: call("health") });
  return { finish: () => socket.write(rest), answer };
}
