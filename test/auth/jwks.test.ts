import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import type { Authenticator } from "../../src/auth/authenticator.js";
import type { JwksOptions } from "../../src/auth/jwks-source.js";
import { openJwtAuth } from "../../src/auth/jwt.js";
import { TestAuthority } from "../support/certificates.js";
import { evidenceOf } from "../support/evidence.js";
import { codeThrownBy, thrownBy } from "../support/refusals.js";
import { TestIssuer } from "../support/tokens.js";
import { ManualClock } from "../support/vault.js";

const UNAVAILABLE = "ERR_VAULT_AUTHENTICATION_UNAVAILABLE";
/** A refusal that is not a failure of the caller: the issuer's keys may have changed in between. */
const NOT_YET = "ERR_VAULT_UNAUTHENTICATED";
const [first, second] = [new TestIssuer("first"), new TestIssuer("second")];

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** An issuer's server, its responses, and an authenticator that reads from it. */
class Scene {
  readonly clock = new ManualClock();
  requests = 0;
  answer: RequestListener = (_, response) => response.end(JSON.stringify({ keys: [first.jwk] }));
  auth: Authenticator | undefined;

  static async open(options: Partial<JwksOptions> = {}): Promise<Scene> {
    const scene = new Scene();
    const server = createServer((request, response) => {
      scene.requests += 1;
      scene.answer(request, response);
    });
    const url = `http://127.0.0.1:${await portOf(server)}/jwks?tenant=a`;
    scene.auth = await openJwtAuth({
      issuer: TestIssuer.issuer,
      audience: TestIssuer.audience,
      clock: scene.clock,
      jwks: { url, ...options },
    });
    return scene;
  }

  publish(...issuers: readonly TestIssuer[]): void {
    const keys = issuers.map(({ jwk }) => jwk);
    this.answer = (_, response) => response.end(JSON.stringify({ keys }));
  }

  fail(): void {
    this.answer = (_, response) => response.writeHead(503).end();
  }

  /** Returns the principal of a new token, "nobody" if none, or the code of an error. */
  async outcome(issuer = first): Promise<string> {
    try {
      const token = issuer.token(this.clock.nowMs);
      const caller = await this.auth?.authenticate(evidenceOf({ token }));
      return typeof caller === "object" ? caller.principal : "nobody";
    } catch (error) {
      return await codeThrownBy(() => Promise.reject(error));
    }
  }
}

describe("keys that an issuer publishes", () => {
  it("are read when the first token comes, not before, and then kept", async () => {
    const scene = await Scene.open();
    expect(scene.requests).toBe(0);
    expect([await scene.outcome(), await scene.outcome()]).toEqual(["alice", "alice"]);
    expect(scene.requests).toBe(1);
  });

  it("are not read for a text that is not a token", async () => {
    const scene = await Scene.open();
    for (const token of ["", "hvt_token", "a.b", "..", "!.!.!"]) {
      expect(await scene.auth?.authenticate(evidenceOf({ token }))).toBeUndefined();
    }
    const unsecured = first.token(scene.clock.nowMs, {}, { alg: "none" });
    expect(await scene.auth?.authenticate(evidenceOf({ token: unsecured }))).toBeUndefined();
    expect(scene.requests).toBe(0);
  });

  it("are read once for many tokens at the same time", async () => {
    const scene = await Scene.open();
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => scene.outcome()));
    expect(new Set(outcomes)).toEqual(new Set(["alice"]));
    expect(scene.requests).toBe(1);
  });

  it("are read again after ten minutes: a withdrawn key is no longer accepted", async () => {
    const scene = await Scene.open();
    expect(await scene.outcome()).toBe("alice");
    scene.publish(second);
    scene.clock.advanceSeconds(599);
    expect(await scene.outcome()).toBe("alice");
    scene.clock.advanceSeconds(1);
    expect(await scene.outcome()).toBe("nobody");
    expect(await scene.outcome(second)).toBe("alice");
    expect(scene.requests).toBe(2);
  });

  it("are read again for an unknown key, but once in 30 seconds only", async () => {
    const scene = await Scene.open();
    await scene.outcome();
    scene.publish(first, second);
    expect(await scene.outcome(second)).toBe(NOT_YET);
    expect(scene.requests).toBe(1);
    scene.clock.advanceSeconds(30);
    expect(await scene.outcome(second)).toBe("alice");
    expect(scene.requests).toBe(2);
    for (let index = 0; index < 100; index++) {
      expect(await scene.outcome(new TestIssuer(`made up ${index}`))).toBe(NOT_YET);
    }
    expect(scene.requests).toBe(2);
  });

  it("refuse a missing key finally only if they were read since the token arrived", async () => {
    const scene = await Scene.open();
    expect(await scene.outcome(second)).toBe("nobody");
    expect(await scene.outcome(second)).toBe(NOT_YET);
    scene.clock.advanceSeconds(30);
    expect(await scene.outcome(second)).toBe("nobody");
    expect(scene.requests).toBe(2);
  });

  it("come over https from a server that the given authority vouches for", async () => {
    const authority = TestAuthority.create();
    afterAll(() => authority.remove());
    const { cert, key } = authority.issue({ names: [["DNS", "localhost"]] });
    const server = createTlsServer({ cert, key }, (_, response) =>
      response.end(JSON.stringify({ keys: [first.jwk] })),
    );
    const url = new URL(`https://localhost:${await portOf(server)}/`);
    const trusting = await Scene.open({ url, ca: Buffer.from(authority.certificate) });
    expect(await trusting.outcome()).toBe("alice");
    const wary = await Scene.open({ url });
    expect(await wary.outcome()).toBe(UNAVAILABLE);
  });

  it("do not come by a proxy of the environment", async () => {
    for (const name of ["http_proxy", "HTTP_PROXY", "all_proxy", "NODE_USE_ENV_PROXY"]) {
      vi.stubEnv(name, "http://127.0.0.1:9");
    }
    const scene = await Scene.open();
    expect(await scene.outcome()).toBe("alice");
    vi.unstubAllEnvs();
  });
});

describe("while an issuer does not answer", () => {
  const failures: readonly (readonly [string, RequestListener])[] = [
    ["an error", (_, response) => response.writeHead(500).end("{}")],
    ["not found", (_, response) => response.writeHead(404).end("{}")],
    ["no content", (_, response) => response.writeHead(204).end()],
    ["a redirect", (_, response) => response.writeHead(302, { location: "/other" }).end()],
    ["no JSON", (_, response) => response.end("<html>")],
    ["another document", (_, response) => response.end('{"keys":{}}')],
    ["a list", (_, response) => response.end("[]")],
    [
      "half an answer",
      (_, response) => response.writeHead(200).write("{", () => response.destroy()),
    ],
    ["a closed connection", (request) => request.destroy()],
    [
      "half an answer, and then silence",
      (_, response) => response.writeHead(200, { "content-length": 99 }).write("{"),
    ],
    ["silence", () => undefined],
    ["a document of 600 KiB", (_, response) => response.end(`{"keys":[]${" ".repeat(614_400)}}`)],
  ];
  it.each(failures)("with anything but %s, authentication is unavailable", async (_, answer) => {
    const scene = await Scene.open({ timeoutMs: 1000 });
    scene.answer = answer;
    expect(await scene.outcome()).toBe(UNAVAILABLE);
    expect(scene.requests).toBe(1);
  });

  it("because nothing listens there, authentication is unavailable", async () => {
    const scene = await Scene.open({ url: "http://127.0.0.1:9/" });
    expect(await scene.outcome()).toBe(UNAVAILABLE);
  });

  it("a slow one is waited for until the time is over", async () => {
    const scene = await Scene.open({ timeoutMs: 5000 });
    scene.answer = (_, response) => {
      setTimeout(() => response.end(JSON.stringify({ keys: [first.jwk] })), 50);
    };
    expect(await scene.outcome()).toBe("alice");
  });

  it("it is read once a second, not by every request", async () => {
    const scene = await Scene.open();
    scene.fail();
    for (let index = 0; index < 20; index++) expect(await scene.outcome()).toBe(UNAVAILABLE);
    expect(scene.requests).toBe(1);
    scene.publish(first);
    scene.clock.advanceSeconds(1);
    expect(await scene.outcome()).toBe("alice");
    expect(scene.requests).toBe(2);
  });

  it("its previous keys are accepted for another hour, and no longer", async () => {
    const scene = await Scene.open();
    await scene.outcome();
    scene.fail();
    scene.clock.advanceSeconds(600 + 3599);
    expect(await scene.outcome()).toBe("alice");
    scene.clock.advanceSeconds(1);
    expect(await scene.outcome()).toBe(UNAVAILABLE);
  });

  it("only the first request waits for it, while there are previous keys", async () => {
    const scene = await Scene.open({ timeoutMs: 60_000 });
    await scene.outcome();
    scene.fail();
    scene.clock.advanceSeconds(600);
    expect(await scene.outcome()).toBe("alice");
    expect(scene.requests).toBe(2);
    const asked = new Promise<void>((resolve) => {
      scene.answer = () => resolve();
    });
    scene.clock.advanceSeconds(60);
    // The issuer never responds.
    expect(await scene.outcome()).toBe("alice");
    await asked;
    expect(await scene.outcome()).toBe("alice");
  });

  it("its previous keys are not accepted at all if the options say so", async () => {
    const scene = await Scene.open({ staleMs: 0 });
    await scene.outcome();
    scene.fail();
    scene.clock.advanceSeconds(600);
    expect(await scene.outcome()).toBe(UNAVAILABLE);
  });

  it("an unknown key may be new, so it is not refused finally", async () => {
    const scene = await Scene.open();
    await scene.outcome();
    scene.fail();
    scene.clock.advanceSeconds(31);
    expect(await scene.outcome(second)).toBe(UNAVAILABLE);
    expect(await scene.outcome(second)).toBe(UNAVAILABLE);
    expect(await scene.outcome(first)).toBe("alice");
    expect(scene.requests).toBe(2);
  });

  it("an error reveals neither the URL nor the cause", async () => {
    const { auth, clock } = await Scene.open({ url: "http://127.0.0.1:9/canary" });
    const evidence = evidenceOf({ token: first.token(clock.nowMs) });
    const error = await thrownBy(() => auth?.authenticate(evidence));
    expect(String((error as Error).stack)).not.toMatch(/canary|127\.0\.0\.1/);
    expect((error as Error).cause).toBeUndefined();
  });
});

describe("keys that an issuer should not publish", () => {
  it.each([
    ["a secret", { kty: "oct", k: "a".repeat(43), kid: "first" }],
    ["a key for encryption", { ...first.jwk, use: "enc" }],
    ["a key for another algorithm", { ...first.jwk, alg: "ES256" }],
    ["no key of this name", second.jwk],
  ])("do not count: %s", async (_, jwk) => {
    const scene = await Scene.open();
    scene.answer = (_request, response) => response.end(JSON.stringify({ keys: [jwk] }));
    expect(await scene.outcome()).toBe("nobody");
  });
});

describe("where keys are published", () => {
  it.each([
    "https://login.example.org/jwks",
    "http://localhost:1/",
    "http://127.0.0.1:1/",
    "http://127.9.9.9/",
    "http://127.1/",
    "http://[::1]:1/",
  ])("may be %s", async (url) => {
    expect(await Scene.open({ url })).toBeDefined();
  });

  it.each([
    "http://login.example.org/jwks",
    "http://localhost.example.org/",
    "http://127.0.0.1.example.org/",
    "http://10.0.0.1/",
    "http://0.0.0.0/",
    "http://[::ffff:10.0.0.1]/",
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "data:application/json,{}",
    "https://user:password@login.example.org/",
  ])("may not be %s", async (url) => {
    expect(await thrownBy(() => Scene.open({ url }))).toBeInstanceOf(RangeError);
  });

  it.each([
    [{ url: "login.example.org" }, TypeError],
    [{ url: "" }, TypeError],
    [{ url: 5 }, TypeError],
    [{ timeoutMs: 0 }, RangeError],
    [{ timeoutMs: Number.POSITIVE_INFINITY }, RangeError],
    [{ cacheMs: 86_400_001 }, RangeError],
    [{ cooldownMs: "1s" }, TypeError],
    [{ staleMs: -1 }, RangeError],
    [{ ca: 5 }, TypeError],
    [{ agent: {} }, TypeError],
  ])("is checked with the other options of it: %j", async (options, kind) => {
    const error = await thrownBy(() => Scene.open(options as Partial<JwksOptions>));
    expect(error).toBeInstanceOf(kind);
  });
});
