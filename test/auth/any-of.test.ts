import type { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { anyOf } from "../../src/auth/any-of.js";
import type { Authenticator, Caller } from "../../src/auth/authenticator.js";
import { headerAuth } from "../../src/auth/header.js";
import { trustLocalCallers } from "../../src/auth/local.js";
import { mtlsAuth } from "../../src/auth/mtls.js";
import { generateToken, tokenAuth } from "../../src/auth/token.js";
import { AuthenticationUnavailableError, UnauthenticatedError } from "../../src/vault/errors.js";
import { evidenceOf } from "../support/evidence.js";
import { thrownBy } from "../support/refusals.js";

const [ALICE, BOB] = [generateToken(), generateToken()];
const alice = tokenAuth({ tokens: [{ token: ALICE, principal: "alice" }] });
const bob = tokenAuth({ tokens: [{ token: BOB, principal: "bob" }] });
const outage = new AuthenticationUnavailableError();
const unavailable: Authenticator = {
  authenticate: () => Promise.reject(outage),
};
const unavailableAtOnce: Authenticator = {
  authenticate() {
    throw outage;
  },
};
const local = evidenceOf({ token: BOB, connection: { isLocal: true } });
const asBob = evidenceOf({ token: BOB });
const asNobody = evidenceOf({});

describe("several authenticators", () => {
  it("are asked in turn, and the first that knows the caller decides", async () => {
    expect(await anyOf(alice, bob).authenticate(asBob)).toEqual({ principal: "bob" });
    const both = tokenAuth({ tokens: [{ token: BOB, principal: "other" }] });
    expect(await anyOf(both, bob).authenticate(asBob)).toEqual({ principal: "other" });
    expect(await anyOf(alice, bob).authenticate(asNobody)).toBeUndefined();
  });

  it("count on a caller as long as the one that knows the caller does", async () => {
    const both = anyOf(unavailable, alice, bob);
    const caller = (await both.authenticate(asBob)) as Caller;
    expect(both.isStillValid?.(caller)).toBe(true);
    expect(anyOf(unavailable, alice).isStillValid?.(caller)).toBe(false);
  });

  it("continue without one that is unavailable", async () => {
    for (const broken of [unavailable, unavailableAtOnce]) {
      expect(await anyOf(broken, bob).authenticate(asBob)).toEqual({ principal: "bob" });
    }
  });

  it("are unavailable if one is and no other recognises the caller", async () => {
    for (const broken of [unavailable, unavailableAtOnce]) {
      expect(await thrownBy(() => anyOf(broken, bob).authenticate(asNobody))).toBe(outage);
      expect(await thrownBy(() => anyOf(bob, broken).authenticate(asNobody))).toBe(outage);
    }
  });

  it("are not asked any more once one throws an unexpected error", async () => {
    const failure = new TypeError("a bug");
    const buggy: Authenticator = { authenticate: () => Promise.reject(failure) };
    expect(await thrownBy(() => anyOf(buggy, bob).authenticate(asBob))).toBe(failure);
  });

  it("are for this machine only if any of them is", () => {
    expect(anyOf(alice, bob).localOnly).toBe(false);
    expect(anyOf(alice, trustLocalCallers()).localOnly).toBe(true);
    expect(anyOf(anyOf(trustLocalCallers()), alice).localOnly).toBe(true);
    expect(Object.isFrozen(anyOf(trustLocalCallers()))).toBe(true);
  });

  it("answer in their order where local callers are trusted", async () => {
    expect(await anyOf(bob, trustLocalCallers()).authenticate(local)).toEqual({ principal: "bob" });
    expect(await anyOf(trustLocalCallers(), bob).authenticate(local)).toBe("local");
  });

  describe("with trust in local callers behind them", () => {
    const here = { isLocal: true };
    const certificate = { subjectAltName: "URI:spiffe://other.example/x" } as X509Certificate;
    const secret = "p".repeat(32);
    const proxied = headerAuth({ peers: ["unix"], secret });
    const auth = anyOf(
      alice,
      mtlsAuth({ trustDomain: "example.org" }),
      proxied,
      trustLocalCallers(),
    );

    it("leave a request without a credential to it", async () => {
      expect(await auth.authenticate(evidenceOf({ connection: here }))).toBe("local");
      expect(await auth.authenticate(evidenceOf({ token: ALICE, connection: here }))).toEqual({
        principal: "alice",
      });
    });

    it.each([
      ["an unknown token", { token: BOB, connection: here }],
      ["an empty token", { token: "", connection: here }],
      ["another scheme", { headers: { authorization: "Basic abc" }, connection: here }],
      ["a certificate", { connection: { ...here, peerCertificate: certificate } }],
      ["a wrong secret of a proxy", { headers: { "x-proxy-secret": "x" }, connection: here }],
      [
        "no principal of a proxy",
        { headers: { "x-proxy-secret": secret, "x-principal": "" }, connection: here },
      ],
    ])("refuse a request that shows %s and is not known by it", async (_, shown) => {
      expect(await auth.authenticate(evidenceOf(shown))).toBeUndefined();
    });

    it("are unavailable for a token while the authenticator that knows it is unavailable", async () => {
      const away: Authenticator = {
        authenticate: ({ bearerToken }) =>
          bearerToken === undefined ? undefined : Promise.reject(outage),
      };
      const other = anyOf(away, trustLocalCallers());
      const withToken = evidenceOf({ token: BOB, connection: here });
      expect(await thrownBy(() => other.authenticate(withToken))).toBe(outage);
      expect(await other.authenticate(evidenceOf({ connection: here }))).toBe("local");
    });
  });

  it("pass on a temporary refusal, unless another recognises the caller or is unavailable", async () => {
    const refusal = new UnauthenticatedError();
    const refusing: Authenticator = { authenticate: () => Promise.reject(refusal) };
    expect(await thrownBy(() => anyOf(refusing, alice).authenticate(asBob))).toBe(refusal);
    expect(await anyOf(refusing, bob).authenticate(asBob)).toEqual({ principal: "bob" });
    expect(await thrownBy(() => anyOf(refusing, unavailable).authenticate(asBob))).toBe(outage);
  });

  it("may destructure the evidence", async () => {
    const apart: Authenticator = {
      authenticate: ({ header, hasHeader, ...rest }) =>
        rest.bearerToken === BOB && hasHeader("x") && header("x") === "y"
          ? { principal: "bob" }
          : undefined,
    };
    const evidence = evidenceOf({ token: BOB, headers: { x: "y" } });
    expect(await anyOf(apart).authenticate(evidence)).toEqual({ principal: "bob" });
  });

  it("are one at least, and authenticators", () => {
    expect(() => anyOf()).toThrow(TypeError);
    for (const other of [undefined, null, "token", {}, () => ({ principal: "root" })]) {
      expect(() => anyOf(alice, other as unknown as Authenticator)).toThrow(TypeError);
    }
    const promised = Promise.resolve(alice) as unknown as Authenticator;
    expect(() => anyOf(promised)).toThrow(TypeError);
  });
});

describe("trust in local callers", () => {
  const auth = trustLocalCallers();

  it("is for a server that listens to this machine only, whatever is done to it", () => {
    expect(auth.localOnly).toBe(true);
    expect(() => Object.assign(auth, { localOnly: false })).toThrow(TypeError);
  });

  it("lets a request from this machine name its principal", () => {
    expect(auth.authenticate(evidenceOf({ connection: { isLocal: true } }))).toBe("local");
  });

  it.each([
    undefined,
    { isLocal: false },
    { isLocal: false, remoteAddress: "127.0.0.1" },
    {},
    { isLocal: 1 },
  ])("is not given to another connection, or to none: %j", (connection) => {
    const evidence = { ...evidenceOf({}), connection: connection as { isLocal: boolean } };
    expect(auth.authenticate(evidence)).toBeUndefined();
  });

  it.each([
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
  ])("is not given to what a proxy on this machine passes on with %s", (name) => {
    const headers = { [name]: "203.0.113.9" };
    const evidence = evidenceOf({ headers, connection: { isLocal: true } });
    expect(auth.authenticate(evidence)).toBeUndefined();
  });
});
