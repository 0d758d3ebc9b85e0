import { describe, expect, it } from "vitest";
import { anyOf } from "../../src/auth/any-of.js";
import type { Authenticator, Caller } from "../../src/auth/authenticator.js";
import { trustLocalCallers } from "../../src/auth/local.js";
import { generateToken, tokenAuth } from "../../src/auth/token.js";
import { AuthenticationUnavailableError } from "../../src/vault/errors.js";
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
    expect(both.stillCounts?.(caller)).toBe(true);
    expect(anyOf(unavailable, alice).stillCounts?.(caller)).toBe(false);
  });

  it("do without one that cannot tell now", async () => {
    for (const broken of [unavailable, unavailableAtOnce]) {
      expect(await anyOf(broken, bob).authenticate(asBob)).toEqual({ principal: "bob" });
    }
  });

  it("cannot tell if one cannot and no other knows the caller", async () => {
    for (const broken of [unavailable, unavailableAtOnce]) {
      expect(await thrownBy(() => anyOf(broken, bob).authenticate(asNobody))).toBe(outage);
      expect(await thrownBy(() => anyOf(bob, broken).authenticate(asNobody))).toBe(outage);
    }
  });

  it("are not asked any more once one fails in a way that nobody expects", async () => {
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

  it("lets a request of this machine say who sends it", () => {
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
