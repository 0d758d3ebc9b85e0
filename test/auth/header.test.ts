import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/auth/authenticator.js";
import { type HeaderAuthOptions, headerAuth } from "../../src/auth/header.js";
import { generateToken } from "../../src/auth/token.js";
import { evidenceOf } from "../support/evidence.js";
import { messageThrownBy } from "../support/refusals.js";

const SECRET = generateToken();
const HEADERS = { "x-proxy-secret": SECRET, "x-principal": "alice" };
const options = {
  peers: ["10.0.0.7", "192.168.4.0/22", "2001:db8::/48", "fe80::1"],
  secret: SECRET,
};

function from(remoteAddress: string | undefined, isLocal = false): Connection {
  return { remoteAddress, isLocal };
}

function callerFrom(connection: Connection | undefined, headers: Record<string, string> = HEADERS) {
  const shown = connection === undefined ? { headers } : { headers, connection };
  return headerAuth(options).authenticate(evidenceOf(shown));
}

describe("a proxy", () => {
  it.each([
    "10.0.0.7",
    "::ffff:10.0.0.7",
    "192.168.4.1",
    "192.168.7.255",
    "::ffff:192.168.5.5",
    "2001:db8:0:ffff::1",
    "2001:DB8::1",
    "fe80::1%eth0",
  ])("at a listed address names who is calling: %s", (address) => {
    expect(callerFrom(from(address))).toEqual({ principal: "alice" });
  });

  it.each([
    "10.0.0.8",
    "10.0.0.70",
    "::ffff:10.0.0.8",
    "::10.0.0.7",
    "192.168.8.0",
    "192.168.3.255",
    "2001:db8:1::1",
    "127.0.0.1",
    "::1",
    "fe80::2%eth0",
    "unix",
    "",
    "10.0.0.7, 10.0.0.8",
    "not an address",
  ])("at another address is not believed: %j", (address) => {
    expect(callerFrom(from(address, true))).toBeUndefined();
  });

  it("of IPv4 is in no block of IPv6, however wide", () => {
    const auth = headerAuth({ ...options, peers: ["::/1", "::1/64", "0:1::/16"] });
    for (const address of ["10.0.0.7", "::ffff:10.0.0.7"]) {
      const evidence = evidenceOf({ headers: HEADERS, connection: from(address) });
      expect(auth.authenticate(evidence)).toBeUndefined();
    }
    const evidence = evidenceOf({ headers: HEADERS, connection: from("2001:db8::1") });
    expect(auth.authenticate(evidence)).toEqual({ principal: "alice" });
  });

  it("whose connection is not known is not accepted", () => {
    expect(callerFrom(undefined)).toBeUndefined();
    expect(callerFrom(from(undefined, true))).toBeUndefined();
  });

  it("is not an address from a header", () => {
    const headers = { ...HEADERS, "x-forwarded-for": "10.0.0.7", "x-real-ip": "10.0.0.7" };
    expect(callerFrom(from("10.0.0.8"), headers)).toBeUndefined();
  });

  it("on a Unix socket is trusted only if the list includes it", () => {
    const auth = headerAuth({ ...options, peers: ["unix"] });
    const answer = (connection: Connection) =>
      auth.authenticate(evidenceOf({ headers: HEADERS, connection }));
    expect(answer(from(undefined, true))).toEqual({ principal: "alice" });
    expect(answer(from(undefined, false))).toBeUndefined();
    expect(answer(from("10.0.0.7"))).toBeUndefined();
  });

  it.each([
    {},
    { "x-proxy-secret": "" },
    { "x-proxy-secret": SECRET.slice(0, -1) },
    { "x-proxy-secret": `${SECRET} ` },
    { "x-proxy-secret": generateToken() },
    { "x-proxy-secret": `${SECRET}, ${SECRET}` },
    { "x-proxy-secret": "x".repeat(1_000_000) },
    { authorization: SECRET },
  ])("has to show the secret: case %#", (headers) => {
    const shown = { "x-principal": "alice", ...headers } as Record<string, string>;
    expect(callerFrom(from("10.0.0.7"), shown)).toBeUndefined();
  });

  it.each(["", "a\u0000b", "a\tb", "caf\u00c3\u00a9", "caf\u00e9", "x".repeat(1025)])(
    "has to name a principal, in ASCII: %j",
    (principal) => {
      const headers = { ...HEADERS, "x-principal": principal };
      expect(callerFrom(from("10.0.0.7"), headers)).toBeUndefined();
    },
  );

  it("may use headers of other names, and then no longer the usual ones", () => {
    const auth = headerAuth({ ...options, secretHeader: "X-Edge-Key", principalHeader: "X-User" });
    const connection = from("10.0.0.7");
    const headers = { "x-edge-key": SECRET, "x-user": "bob" };
    expect(auth.authenticate(evidenceOf({ headers, connection }))).toEqual({ principal: "bob" });
    expect(auth.authenticate(evidenceOf({ headers: HEADERS, connection }))).toBeUndefined();
  });
});

describe("options of headerAuth", () => {
  it.each([
    [undefined, TypeError],
    [{ peers: ["10.0.0.7"] }, TypeError],
    [{ ...options, secret: "" }, RangeError],
    [{ ...options, secret: "a".repeat(31) }, RangeError],
    [{ ...options, peers: undefined }, TypeError],
    [{ ...options, peers: [] }, RangeError],
    [{ ...options, peers: "10.0.0.7" }, TypeError],
    [{ ...options, peers: [5] }, TypeError],
    [{ ...options, peers: ["proxy.test"] }, RangeError],
    [{ ...options, peers: ["*"] }, RangeError],
    [{ ...options, peers: [""] }, RangeError],
    [{ ...options, peers: ["10.0.0"] }, RangeError],
    [{ ...options, peers: ["010.0.0.7"] }, RangeError],
    [{ ...options, peers: ["10.0.0.7:80"] }, RangeError],
    [{ ...options, peers: ["0.0.0.0/0"] }, RangeError],
    [{ ...options, peers: ["::/0"] }, RangeError],
    [{ ...options, peers: ["::ffff:0:0/96"] }, RangeError],
    [{ ...options, peers: ["0000:0000:0000:0000:0000:ffff:0:0/96"] }, RangeError],
    [{ ...options, peers: ["0:0:0:0:0:ffff:0:0/96"] }, RangeError],
    [{ ...options, peers: ["0::FFFF:a00:7"] }, RangeError],
    [{ ...options, peers: ["10.0.0.0/33"] }, RangeError],
    [{ ...options, peers: ["10.0.0.0/-1"] }, RangeError],
    [{ ...options, peers: ["10.0.0.0/8/8"] }, RangeError],
    [{ ...options, peers: ["10.0.0.0/"] }, RangeError],
    [{ ...options, peers: ["10.0.0.0/08"] }, RangeError],
    [{ ...options, peers: ["fe80::1%eth0"] }, RangeError],
    [{ ...options, secretHeader: "" }, RangeError],
    [{ ...options, secretHeader: "x secret" }, RangeError],
    [{ ...options, principalHeader: 5 }, TypeError],
    [{ ...options, principalHeader: "X-Proxy-Secret" }, TypeError],
    [{ ...options, trust: "all" }, TypeError],
  ])("are refused when they are wrong: case %#", async (given, kind) => {
    const make = () => headerAuth(given as unknown as HeaderAuthOptions);
    expect(make).toThrow(kind);
    expect(await messageThrownBy(make)).not.toContain(SECRET);
  });

  it("are in no text that the authenticator exposes", () => {
    const auth = headerAuth(options);
    const shown = inspect(auth, { depth: 9, showHidden: true }) + JSON.stringify(auth);
    expect(shown).not.toContain(SECRET);
    expect(shown).not.toContain("10.0.0.7");
  });
});
