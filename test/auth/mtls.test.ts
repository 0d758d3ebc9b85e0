import type { X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import { connect, createServer, type SecureVersion, type Server } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Caller, Connection } from "../../src/auth/authenticator.js";
import { type MtlsAuthOptions, mtlsAuth } from "../../src/auth/mtls.js";
import { type CertificateFields, type Identity, TestAuthority } from "../support/certificates.js";
import { evidenceOf } from "../support/evidence.js";

const authority = TestAuthority.create();
const stranger = TestAuthority.create();
afterAll(() => {
  authority.remove();
  stranger.remove();
});
const BILLING = "spiffe://example.org/ns/prod/sa/billing";
const billing = authority.issue({ names: [["URI", BILLING]] });

function connectionWith(certificate: X509Certificate): Connection {
  return { remoteAddress: "127.0.0.1", isLocal: true, peerCertificate: certificate };
}

function callerWith(fields: CertificateFields, options?: Partial<MtlsAuthOptions>): unknown {
  return callerOf(authority.issue(fields).certificate, options);
}

function callerOf(certificate: X509Certificate, options: Partial<MtlsAuthOptions> = {}): unknown {
  const auth = mtlsAuth({ trustDomain: "example.org", ...options });
  return auth.authenticate(evidenceOf({ connection: connectionWith(certificate) }));
}

describe("a client certificate", () => {
  it("with one SPIFFE id of the trust domain is that id", () => {
    expect(callerOf(billing.certificate)).toEqual({ principal: BILLING });
  });

  it("may have other kinds of names beside its URI", () => {
    const names = [
      ["DNS", "billing.example.org"],
      ["URI", BILLING],
      ["IP", "10.0.0.1"],
    ] as const;
    expect(callerWith({ names })).toEqual({ principal: BILLING });
  });

  it("counts by its URI whatever its common name claims", () => {
    const commonName = "spiffe:\\/\\/example.org\\/gateway";
    expect(callerWith({ commonName, names: [["URI", BILLING]] })).toEqual({ principal: BILLING });
  });

  const zoo: readonly (readonly [string, CertificateFields])[] = [
    [
      "two URIs",
      {
        names: [
          ["URI", BILLING],
          ["URI", "spiffe://example.org/gateway"],
        ],
      },
    ],
    [
      "the same URI twice",
      {
        names: [
          ["URI", BILLING],
          ["URI", BILLING],
        ],
      },
    ],
    [
      "a second URI that is no SPIFFE id",
      {
        names: [
          ["URI", BILLING],
          ["URI", "https://a.test/"],
        ],
      },
    ],
    ["a common name only", { commonName: "spiffe:\\/\\/example.org\\/ns\\/prod" }],
    ["a DNS name only", { names: [["DNS", "example.org"]] }],
    ["an id as a DNS name", { names: [["DNS", BILLING]] }],
    ["an id as a mail address", { names: [["email", "spiffe://example.org/a"]] }],
    ["a URI of another scheme", { names: [["URI", "https://example.org/ns/prod"]] }],
    ["another trust domain", { names: [["URI", "spiffe://example.com/ns/prod"]] }],
    ["a domain that ends in ours", { names: [["URI", "spiffe://evilexample.org/a"]] }],
    ["a domain below ours", { names: [["URI", "spiffe://a.example.org/a"]] }],
    ["a domain that starts like ours", { names: [["URI", "spiffe://example.org.evil.test/a"]] }],
    ["our domain as a user", { names: [["URI", "spiffe://example.org@evil.test/a"]] }],
    ["a user at our domain", { names: [["URI", "spiffe://root@example.org/a"]] }],
    ["a port", { names: [["URI", "spiffe://example.org:443/a"]] }],
    ["upper case in the domain", { names: [["URI", "spiffe://Example.org/a"]] }],
    ["upper case in the scheme", { names: [["URI", "SPIFFE://example.org/a"]] }],
    ["the domain itself", { names: [["URI", "spiffe://example.org"]] }],
    ["no path but a slash", { names: [["URI", "spiffe://example.org/"]] }],
    ["a trailing slash", { names: [["URI", "spiffe://example.org/a/"]] }],
    ["an empty segment", { names: [["URI", "spiffe://example.org//a"]] }],
    ["a step up", { names: [["URI", "spiffe://example.org/a/../gateway"]] }],
    ["a step on the spot", { names: [["URI", "spiffe://example.org/./gateway"]] }],
    ["percent-encoding", { names: [["URI", "spiffe://example.org/%67ateway"]] }],
    ["a query", { names: [["URI", "spiffe://example.org/a?b=c"]] }],
    ["a fragment", { names: [["URI", "spiffe://example.org/a#b"]] }],
    ["a comma and a second id in one URI", { names: [["URI", `${BILLING}, URI:${BILLING}`]] }],
    ["a DNS name that holds an id", { names: [["DNS", `a.test, URI:${BILLING}`]] }],
    ["a quote in the URI", { names: [["URI", `spiffe://example.org/a"`]] }],
    ["1,025 characters", { names: [["URI", `spiffe://example.org/${"a".repeat(1004)}`]] }],
    ["an authority's own powers", { isAuthority: true, names: [["URI", BILLING]] }],
    [
      "an end in the past",
      { names: [["URI", BILLING]], validity: ["20200101000000Z", "20210101000000Z"] },
    ],
    [
      "a start in the future",
      { names: [["URI", BILLING]], validity: ["20480101000000Z", "20490101000000Z"] },
    ],
  ];
  it.each(zoo)("with %s identifies no caller", (_, fields) => {
    expect(callerWith(fields)).toBeUndefined();
  });

  it("with 1,024 characters still identifies a caller", () => {
    const principal = `spiffe://example.org/${"a".repeat(1003)}`;
    expect(callerWith({ names: [["URI", principal]] })).toEqual({ principal });
  });

  it("stops to count when its time is over, though its connection goes on", () => {
    const fields = { names: [["URI", BILLING]] as const };
    const { certificate } = authority.issue({
      ...fields,
      validity: ["20260101000000Z", "20260102000000Z"],
    });
    const clock = { time: Date.UTC(2026, 0, 2), now: () => clock.time };
    const auth = mtlsAuth({ trustDomain: "example.org", clock });
    const evidence = evidenceOf({ connection: connectionWith(certificate) });
    expect(auth.authenticate(evidence)).toEqual({ principal: BILLING });
    clock.time += 1;
    expect(auth.authenticate(evidence)).toBeUndefined();
  });

  it("that is absent identifies no caller, and neither does a token in its place", () => {
    const auth = mtlsAuth({ trustDomain: "example.org" });
    const connection = { remoteAddress: "127.0.0.1", isLocal: true };
    expect(auth.authenticate(evidenceOf({ token: BILLING }))).toBeUndefined();
    expect(auth.authenticate(evidenceOf({ token: BILLING, connection }))).toBeUndefined();
  });

  it("may act for the principals in the server's own list, and no other caller may", () => {
    const mayActFor = { [BILLING]: ["tenant-a/*"] };
    expect(callerOf(billing.certificate, { mayActFor })).toEqual({
      principal: BILLING,
      mayActFor: ["tenant-a/*"],
    });
    const names = [["URI", `${BILLING}2`]] as const;
    expect(callerWith({ names }, { mayActFor })).toEqual({ principal: `${BILLING}2` });
  });
});

describe("how OpenSSL presents a certificate that is crafted to deceive", () => {
  it.each([
    ["URI", `${BILLING}, URI:${BILLING}`],
    ["DNS", `a.test, URI:${BILLING}`],
  ] as const)("has the comma within one %s", (kind, value) => {
    const { subjectAltName } = authority.issue({ names: [[kind, value]] }).certificate;
    const quoted = JSON.stringify(value).replace(",", "\\u002c");
    expect(subjectAltName).toBe(`${kind}:${quoted}`);
  });
});

describe("a TLS handshake", () => {
  const auth = mtlsAuth({ trustDomain: "example.org" });
  const constrained = authority.subordinate([
    "keyUsage = critical, keyCertSign",
    "nameConstraints = critical, permitted;URI:example.org",
  ]);
  let server: Server;
  beforeAll(async () => {
    const { cert, key } = authority.issue({ names: [["DNS", "localhost"]] });
    const options = { requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" } as const;
    server = createServer({ cert, key, ca: authority.certificate, ...options }, async (socket) => {
      const peerCertificate = socket.getPeerX509Certificate();
      const connection = { isLocal: true, peerCertificate };
      const caller = (await auth.authenticate(evidenceOf({ connection }))) as Caller | undefined;
      socket.end(caller?.principal ?? "nobody");
    });
    server.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  /** Returns the response of the server, or "refused" if it closes the connection without one. */
  function answerTo(identity?: Identity, maxVersion: SecureVersion = "TLSv1.3"): Promise<string> {
    const { port } = server.address() as AddressInfo;
    const shown = identity === undefined ? {} : { cert: identity.cert, key: identity.key };
    return new Promise((resolve) => {
      let answer = "";
      const socket = connect({
        ...{ port, host: "127.0.0.1", servername: "localhost", ca: authority.certificate },
        ...{ ...shown, maxVersion },
        ...(maxVersion === "TLSv1.1" ? { minVersion: "TLSv1.1" } : {}),
      });
      socket.setEncoding("utf8").on("data", (text: string) => {
        answer += text;
      });
      socket.on("error", () => resolve("refused"));
      socket.on("close", () => resolve(answer === "" ? "refused" : answer));
    });
  }

  it.each(["TLSv1.2", "TLSv1.3"] as const)("%s identifies the caller", async (version) => {
    expect(await answerTo(billing, version)).toBe(BILLING);
  });

  it("of TLS 1.1 does not come about", async () => {
    expect(await answerTo(billing, "TLSv1.1")).toBe("refused");
  });

  it("without a certificate does not come about", async () => {
    expect(await answerTo()).toBe("refused");
  });

  it("with a certificate of another authority does not come about", async () => {
    expect(await answerTo(stranger.issue({ names: [["URI", BILLING]] }))).toBe("refused");
  });

  it("with an expired certificate does not come about", async () => {
    const validity = ["20200101000000Z", "20210101000000Z"] as const;
    const expired = authority.issue({ names: [["URI", BILLING]], validity });
    expect(await answerTo(expired)).toBe("refused");
  });

  it("keeps an authority within the names it may give", async () => {
    expect(await answerTo(constrained.issue({ names: [["URI", BILLING]] }))).toBe(BILLING);
    const outside = constrained.issue({ names: [["URI", "spiffe://example.com/a"]] });
    expect(await answerTo(outside)).toBe("refused");
  });

  it("with a genuine certificate of another trust domain identifies no caller", async () => {
    const other = authority.issue({ names: [["URI", "spiffe://example.com/a"]] });
    expect(await answerTo(other)).toBe("nobody");
  });

  it("with two URIs identifies no caller", async () => {
    const two = authority.issue({
      names: [
        ["URI", BILLING],
        ["URI", `${BILLING}2`],
      ],
    });
    expect(await answerTo(two)).toBe("nobody");
  });
});

describe("options of mtlsAuth", () => {
  it.each([
    [undefined, TypeError],
    [{}, TypeError],
    [{ trustDomain: 5 }, TypeError],
    [{ trustDomain: "" }, RangeError],
    [{ trustDomain: "spiffe://example.org" }, RangeError],
    [{ trustDomain: "Example.org" }, RangeError],
    [{ trustDomain: "example.org/" }, RangeError],
    [{ trustDomain: "*" }, RangeError],
    [{ trustDomain: "a".repeat(256) }, RangeError],
    [{ trustDomain: "example.org", trustDomains: [] }, TypeError],
    [{ trustDomain: "example.org", clock: {} }, TypeError],
    [{ trustDomain: "example.org", mayActFor: [["a"]] }, TypeError],
    [{ trustDomain: "example.org", mayActFor: new Map() }, TypeError],
    [{ trustDomain: "example.org", mayActFor: null }, TypeError],
    [{ trustDomain: "example.org", mayActFor: { [BILLING]: ["*"] } }, RangeError],
    [{ trustDomain: "example.org", mayActFor: { "": ["a"] } }, RangeError],
  ])("%j are refused", (options, kind) => {
    expect(() => mtlsAuth(options as MtlsAuthOptions)).toThrow(kind);
  });
});
