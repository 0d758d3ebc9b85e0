import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { type RunningHttpServer, serveHttp } from "../../../src/transport/http.js";
import { sealOptions } from "../../support/vault.js";
import { ask, LOCAL, sendRaw, serve, TOKENS } from "./support.js";

const MEBIBYTE = 1024 * 1024;
const POST = "POST /handles HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer owner\r\n";
const JSON_TYPE = "Content-Type: application/json\r\n";

describe("a body", () => {
  let server: RunningHttpServer;
  beforeAll(async () => {
    server = await serveHttp(new HandleVault(), { auth: TOKENS, port: 0, maxBodyBytes: MEBIBYTE });
  });
  afterAll(() => server.stop());

  it("that is announced too large is refused before any of it came", async () => {
    const head = `${POST}${JSON_TYPE}Content-Length: 4294967296\r\n\r\n`;
    expect(await sendRaw(server, [head])).toMatch(/^HTTP\/1\.1 413 .*ERR_VAULT_REQUEST_TOO_LARGE/s);
  });

  it("without end is refused at the limit, and its sender cut off", async () => {
    let sent = 0;
    function* endless() {
      yield `${POST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`;
      const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65_536, 32)]);
      for (; sent < 256 * MEBIBYTE; sent += 65_536) {
        yield chunk;
        yield "\r\n";
      }
    }
    const before = process.memoryUsage().arrayBuffers;
    expect(await sendRaw(server, endless())).toMatch(/^HTTP\/1\.1 413 /);
    expect(sent).toBeLessThan(160 * MEBIBYTE);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MEBIBYTE);
  });

  it("a little over the limit gets the reason, and the connection stays usable", async () => {
    const answer = await ask(server, "POST /handles", {
      text: Buffer.alloc(2 * MEBIBYTE, 32),
      token: "owner",
    });
    expect([answer.status, answer.body["code"]]).toEqual([413, "ERR_VAULT_REQUEST_TOO_LARGE"]);
  });

  it("that is shorter than announced is given up with its connection", async () => {
    const slow = await serve({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    const head = `${POST}${JSON_TYPE}Content-Length: 100\r\n\r\n{`;
    expect(await sendRaw(slow, [head])).toMatch(/^(?:HTTP\/1\.1 408 .*)?$/s);
  });

  it("that is compressed is refused, as is one that is no JSON in UTF-8", async () => {
    const text = gzipSync("{}");
    const token = "owner";
    for (const encoding of ["gzip", "identity", "identity, gzip"]) {
      const headers = { "content-encoding": encoding };
      const answer = await ask(server, "POST /handles", { text, headers, token });
      expect([answer.status, answer.body["code"]]).toEqual([415, "ERR_HTTP_ENCODING"]);
    }
    const invalid = ["", "{", "[]", "null", "5", '"x"', "{}x", Buffer.from([0x7b, 0xff, 0x7d])];
    for (const body of invalid) {
      const answer = await ask(server, "POST /handles", { text: body, token });
      expect([answer.status, answer.body["code"]]).toEqual([400, "ERR_HTTP_MALFORMED_BODY"]);
    }
    for (const body of [
      '{"data":1e400}',
      '{"data":9007199254740993}',
      `{"data":${"[".repeat(65)}`,
    ]) {
      const answer = await ask(server, "POST /handles", { text: body, token });
      expect([answer.status, answer.body["code"]]).toEqual([400, "ERR_VAULT_OUT_OF_RANGE"]);
    }
  });

  it("must be labelled as JSON: media types that any web page may send are refused", async () => {
    const types = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
    ];
    for (const type of [...types, "application/jsonx", "application/json; charset=latin1", ""]) {
      const headers = { "content-type": type };
      const answer = await ask(server, "POST /handles", { text: "{}", headers, token: "owner" });
      expect([answer.status, answer.body["code"]]).toEqual([415, "ERR_HTTP_MEDIA_TYPE"]);
    }
    const headers = { "content-type": 'application/json; charset="UTF-8"' };
    const answer = await ask(server, "POST /handles", { text: "{}", headers, token: "owner" });
    expect(answer.status).toBe(400);
  });
});

describe("a web page", () => {
  it("whose name leads to this machine is refused", async () => {
    const server = await serve({ auth: LOCAL });
    for (const host of [
      "evil.example",
      "evil.example:8421",
      "127.0.0.1.evil.example",
      "localhost.",
    ]) {
      const answer = await ask(server, "GET /health", { headers: { host } });
      expect([answer.status, answer.body["code"]]).toEqual([421, "ERR_HTTP_HOST_REFUSED"]);
    }
    for (const host of ["localhost", "LOCALHOST:1", "127.0.0.1:8421", "[::1]:8421"]) {
      expect((await ask(server, "GET /health", { headers: { host } })).status).toBe(200);
    }
    const twice =
      "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n";
    expect(await sendRaw(server, [twice])).toMatch(/^HTTP\/1\.1 4/);
  });

  it("may name a host that is allowed", async () => {
    const server = await serve({ allowedHosts: ["Vault.Example"] });
    const headers = { host: "vault.example:443" };
    expect((await ask(server, "GET /health", { headers })).status).toBe(200);
    expect((await ask(server, "GET /health")).status).toBe(421);
  });

  it("is refused by its origin, unless it is allowed", async () => {
    const server = await serve({ allowedOrigins: ["https://good.example"] });
    const from = (origin: string | string[]) =>
      ask(server, "GET /health", { headers: { origin } as Record<string, string> });
    for (const origin of ["https://evil.example", "null", "http://localhost"]) {
      const answer = await from(origin);
      expect([answer.status, answer.body["code"]]).toEqual([403, "ERR_HTTP_ORIGIN_REFUSED"]);
    }
    expect((await from("https://good.example")).status).toBe(200);
    expect((await from(["https://good.example", "https://evil.example"])).status).toBe(403);
    const { headers } = await from("https://good.example");
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  });
});

describe("a path", () => {
  it.each(["x%2F..%2F..%2Fadmin", "..%2f..%2fhealth", "%00", "%2e%2e", "a".repeat(4000)])(
    "names one handle, whatever is in it: %.20s",
    async (id) => {
      const server = await serve();
      const answer = await ask(server, `GET /handles/${id}/safe_view`, { token: "owner" });
      expect([answer.status, answer.body["code"]]).toEqual([404, "ERR_VAULT_HANDLE_NOT_FOUND"]);
    },
  );

  it.each(["/handles/x/../../health", "/handles/%ff/safe_view", "//health", "/health/", "*"])(
    "%s leads nowhere",
    async (path) => {
      const server = await serve();
      const raw = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
      expect(await sendRaw(server, [raw])).toMatch(/^HTTP\/1\.1 404 .*ERR_HTTP_NO_ROUTE/s);
    },
  );
});

/** A test that waits for one of these limits fails by its own time limit first. */
const NEVER = { requestTimeoutMs: 3_600_000, idleTimeoutMs: 3_600_000 };

describe("a client that takes its time", () => {
  it("with its headers, or says nothing at all, is cut off", async () => {
    const server = await serve({ headersTimeoutMs: 100, ...NEVER });
    const answers = await Promise.all([sendRaw(server, []), sendRaw(server, ["GET / HT"])]);
    for (const answer of answers) expect(answer).toMatch(/^(?:HTTP\/1\.1 408 .*)?$/s);
  });

  it("between its requests is cut off", async () => {
    const server = await serve({ headersTimeoutMs: 3_600_000, ...NEVER, idleTimeoutMs: 50 });
    const answer = await sendRaw(server, ["GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"]);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("is closed for new ones, the oldest first, unless it is authenticated", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const server = await serve({ maxConnections: 8 }, vault);
    const idle = Array.from({ length: 40 }, () => sendRaw(server, []));
    const answer = await ask(server, `POST /handles/${id}/unseal`, { json: {}, token: "owner" });
    expect(answer.status).toBe(200);
    await Promise.all(idle.slice(0, 30));
    await server.stop();
  });
});

describe("too many", () => {
  it("failed authentications from one address are refused, and any new token with them", async () => {
    const server = await serve({ failedAuthenticationsPerMinute: 3 });
    const get = (token: string) => ask(server, "GET /handles/x", { token });
    for (const token of ["a", "b", "c"]) expect((await get(token)).status).toBe(401);
    const limited = await get("owner");
    expect([limited.status, limited.body["code"]]).toEqual([429, "ERR_VAULT_RATE_LIMITED"]);
    expect(Number(limited.headers["retry-after"])).toBeGreaterThan(0);
  });

  it("requests of one caller are refused, those of another are not", async () => {
    const server = await serve({ requestsPerMinute: 2 });
    const get = (token: string) => ask(server, "GET /handles/x", { token });
    const seen = [await get("owner"), await get("owner"), await get("owner"), await get("grantee")];
    expect(seen.map(({ status }) => status)).toEqual([404, 404, 429, 404]);
  });

  it("requests at once get 503 and the time to wait", async () => {
    const vault = new HandleVault();
    const slow: (() => void)[] = [];
    vault.getSafeView = () => new Promise((resolve) => slow.push(() => resolve("late")));
    const server = await serve({ maxInFlight: 2 }, vault);
    const get = () => ask(server, "GET /handles/x/safe_view", { token: "owner" });
    const held = [get(), get()];
    while (slow.length < 2) await new Promise(setImmediate);
    const refused = await get();
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "1"]);
    for (const finish of slow) finish();
    for (const answer of await Promise.all(held)) expect(answer.status).toBe(200);
  });
});
