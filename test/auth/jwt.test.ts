import {
  createHmac,
  createSecretKey,
  generateKeyPairSync,
  randomBytes,
  webcrypto,
} from "node:crypto";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Caller } from "../../src/auth/authenticator.js";
import { type JwtAuthOptions, openJwtAuth } from "../../src/auth/jwt.js";
import { TestAuthority } from "../support/certificates.js";
import { anyCodeUnit } from "../support/code-units.js";
import { evidenceOf } from "../support/evidence.js";
import { thrownBy } from "../support/refusals.js";
import { TestIssuer } from "../support/tokens.js";
import { ManualClock } from "../support/vault.js";

const issuer = new TestIssuer();
const clock = new ManualClock();
const NOW = clock.nowMs / 1000;
const base = { issuer: TestIssuer.issuer, audience: TestIssuer.audience, clock };

async function callerOf(token: string, options: Partial<JwtAuthOptions> = {}): Promise<unknown> {
  const auth = await openJwtAuth({ ...base, key: issuer.publicKey, ...options });
  return await auth.authenticate(evidenceOf({ token }));
}

function claimed(claims: Record<string, unknown>, options?: Partial<JwtAuthOptions>) {
  return callerOf(issuer.token(clock.nowMs, claims), options);
}

function headed(header: Record<string, unknown>, options?: Partial<JwtAuthOptions>) {
  return callerOf(issuer.token(clock.nowMs, {}, header), options);
}

describe("a token", () => {
  it("that an issuer's key verifies identifies its subject", async () => {
    expect(await claimed({})).toEqual({ principal: "alice" });
  });

  it("needs no second verification for half a minute, and is not used past its expiry", async () => {
    const start = clock.nowMs;
    const lifetimes = [
      [60, 30_000],
      [10, 15_000],
    ] as const;
    try {
      for (const [seconds, countsMs] of lifetimes) {
        clock.nowMs = start;
        const auth = await openJwtAuth({
          ...base,
          key: issuer.publicKey,
          clockToleranceSeconds: 5,
        });
        const token = issuer.token(start, { exp: NOW + seconds });
        const caller = (await auth.authenticate(evidenceOf({ token }))) as Caller;
        expect(auth.isStillValid?.(caller)).toBe(true);
        expect(auth.isStillValid?.({ principal: "alice" })).toBe(false);
        clock.nowMs = start + countsMs - 1;
        expect(auth.isStillValid?.(caller)).toBe(true);
        clock.nowMs = start + countsMs;
        expect(auth.isStillValid?.(caller)).toBe(false);
      }
    } finally {
      clock.nowMs = start;
    }
  });

  it("names its principal in the claim that the server chose, and in no other", async () => {
    const claims = { sub: "alice", email: "alice@example.org" };
    expect(await claimed(claims, { claim: "email" })).toEqual({ principal: "alice@example.org" });
    expect(await claimed({ sub: "alice" }, { claim: "email" })).toBeUndefined();
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "has no claim %s that it does not state",
    async (claim) => {
      expect(await claimed({}, { claim })).toBeUndefined();
    },
  );

  it.each([undefined, null, "", 5, true, ["alice"], { sub: "alice" }])(
    "with %j for a subject is nobody",
    async (sub) => {
      expect(await claimed({ sub })).toBeUndefined();
    },
  );

  it.each(["a\u0000b", "a\nb", "a\u0085b", "\ud800", "x".repeat(1025)])(
    "with a subject that is no principal is nobody: %j",
    async (sub) => {
      expect(await claimed({ sub })).toBeUndefined();
    },
  );

  it("may act for no other principal unless the server reads a claim for it", async () => {
    const claims = { may_act_for: ["bob"], mayActFor: ["bob"] };
    expect(await claimed(claims)).toEqual({ principal: "alice" });
    expect(await claimed(claims, { mayActForClaim: "may_act_for" })).toEqual({
      principal: "alice",
      mayActFor: ["bob"],
    });
    expect(await claimed({}, { mayActForClaim: "may_act_for" })).toEqual({ principal: "alice" });
  });

  it.each(["bob", null, 5, [5], ["*"], ["bob", ""], { 0: "bob" }, [["bob"]]])(
    "is refused as a whole if it may act for %j",
    async (list) => {
      expect(await claimed({ for: list }, { mayActForClaim: "for" })).toBeUndefined();
    },
  );
});

describe("the time of a token", () => {
  it("is over at its end, give or take the tolerance of 30 seconds", async () => {
    expect(await claimed({ iat: NOW - 99, exp: NOW - 29 })).toBeDefined();
    expect(await claimed({ iat: NOW - 99, exp: NOW - 30 })).toBeUndefined();
    expect(await claimed({ exp: NOW }, { clockToleranceSeconds: 0 })).toBeUndefined();
    expect(await claimed({ exp: NOW + 1 }, { clockToleranceSeconds: 0 })).toBeDefined();
  });

  it("passes by the clock, which does not go backwards", async () => {
    const own = new ManualClock();
    const auth = await openJwtAuth({ ...base, key: issuer.publicKey, clock: own });
    const evidence = evidenceOf({ token: issuer.token(own.nowMs) });
    expect(await auth.authenticate(evidence)).toBeDefined();
    own.advanceSeconds(330);
    expect(await auth.authenticate(evidence)).toBeUndefined();
    own.advanceSeconds(-330);
    expect(await auth.authenticate(evidence)).toBeUndefined();
  });

  it("is at most a day from its start to its end", async () => {
    expect(await claimed({ exp: NOW + 86_400 })).toBeDefined();
    expect(await claimed({ exp: NOW + 86_401 })).toBeUndefined();
    expect(await claimed({ iat: NOW - 86_000, exp: NOW + 401 })).toBeUndefined();
  });

  it("is at most a day from now if it does not say when it began", async () => {
    expect(await claimed({ iat: undefined, exp: NOW + 86_400 })).toBeDefined();
    expect(await claimed({ iat: undefined, exp: NOW + 86_431 })).toBeUndefined();
  });

  it("is as long as the server allows", async () => {
    const options = { maxLifetimeSeconds: 60 };
    expect(await claimed({ exp: NOW + 60 }, options)).toBeDefined();
    expect(await claimed({ exp: NOW + 61 }, options)).toBeUndefined();
  });

  it("does not begin in the future", async () => {
    expect(await claimed({ iat: NOW + 30 })).toBeDefined();
    expect(await claimed({ iat: NOW + 31 })).toBeUndefined();
    expect(await claimed({ nbf: NOW + 31 })).toBeUndefined();
  });

  it.each([
    '"exp":1e400,"iat":1767225600',
    '"exp":1e400,"iat":1e400',
    '"exp":1767225700,"iat":-1e400',
    '"exp":"1767225700"',
    '"exp":null',
    '"exp":[1767225700]',
    '"exp":1767225700,"iat":"1767225600"',
    '"exp":1767225700,"nbf":"0"',
    '"iat":1767225600',
  ])("is not believed when it says %s", async (times) => {
    const text = `{"iss":"${base.issuer}","aud":"${base.audience}","sub":"alice",${times}}`;
    expect(await callerOf(issuer.sign({ alg: "EdDSA" }, text))).toBeUndefined();
  });
});

describe("the issuer, audience and principal of a token", () => {
  it.each([
    { iss: undefined },
    { iss: `${base.issuer}/` },
    { iss: [base.issuer] },
    { iss: "https://LOGIN.example.org" },
    { aud: undefined },
    { aud: [] },
    { aud: "handlevault-staging" },
    { aud: ["billing"] },
    { aud: [["handlevault"]] },
    { aud: { 0: "handlevault" } },
  ])("is compared whole: %j", async (claims) => {
    expect(await claimed(claims)).toBeUndefined();
  });

  it("may include other services", async () => {
    expect(await claimed({ aud: ["billing", "handlevault"] })).toBeDefined();
  });
});

describe("the header of a token", () => {
  it("cannot supply a key or its URL: jwk, jku, x5u and x5c are ignored", async () => {
    const mallory = new TestIssuer();
    const foreign = {
      jwk: mallory.jwk,
      jku: "http://127.0.0.1:9/jwks",
      x5u: "http://127.0.0.1:9/x5u",
      x5c: ["AAAA"],
    };
    expect(await callerOf(mallory.token(clock.nowMs, {}, foreign))).toBeUndefined();
    expect(await headed(foreign)).toEqual({ principal: "alice" });
    const set = { key: { keys: [issuer.jwk] } };
    expect(await callerOf(mallory.token(clock.nowMs, {}, foreign), set)).toBeUndefined();
    expect(await headed(foreign, set)).toEqual({ principal: "alice" });
  });

  it.each(["../../etc/passwd", "' OR 1=1 --", "__proto__", "constructor", "", 5, null, ["first"]])(
    "names a key of the set or none: kid %j",
    async (kid) => {
      expect(await headed({ kid }, { key: { keys: [issuer.jwk] } })).toBeUndefined();
    },
  );

  it.each([5, null, true, ["first"], {}])(
    "names a key by text or not at all, also where there is but one: kid %j",
    async (kid) => {
      expect(await headed({ kid })).toBeUndefined();
      expect(await headed({ kid: "any" })).toBeDefined();
    },
  );

  it("names no key where the set has several: then it is refused, not tried with all", async () => {
    const key = { keys: [issuer.jwk, new TestIssuer("second").jwk] };
    expect(await headed({ kid: undefined }, { key })).toBeUndefined();
    expect(await headed({}, { key })).toBeDefined();
  });

  it.each([{ b64: false }, { b64: true }, { b64: false, crit: ["b64"] }, { crit: ["exp"] }])(
    "asks for nothing that a JWT does not need: %j",
    async (header) => {
      expect(await headed(header)).toBeUndefined();
    },
  );

  it.each([{ crit: [] }, { crit: "b64" }, { crit: ["x"], x: 1 }, { zip: "DEF" }])(
    "asks for nothing that nobody understands: %j",
    async (header) => {
      expect(await headed(header)).toBeUndefined();
    },
  );

  it("uses the last of two algorithms, which must be an allowed one", async () => {
    const payload = JSON.parse(
      Buffer.from(issuer.token(clock.nowMs).split(".")[1] ?? "", "base64url").toString(),
    ) as unknown;
    // RFC 7515, section 4, allows taking the last; the signature covers both.
    expect(await callerOf(issuer.sign('{"alg":"none","alg":"EdDSA"}', payload))).toBeDefined();
    expect(await callerOf(issuer.sign('{"alg":"EdDSA","alg":"none"}', payload))).toBeUndefined();
  });

  it("is of a JWT or an access token, unless the server asks for another type", async () => {
    for (const typ of [undefined, "JWT", "jwt", "at+jwt", "application/at+jwt"]) {
      expect(await headed({ typ })).toBeDefined();
    }
    for (const typ of ["dpop+jwt", "logout+jwt", "secevent+jwt", "", 5, null, ["JWT"]]) {
      expect(await headed({ typ })).toBeUndefined();
    }
    const typed = { typ: "vault+jwt" };
    expect(await headed({ typ: "vault+jwt" }, typed)).toBeDefined();
    for (const typ of ["JWT", undefined, "vault"])
      expect(await headed({ typ }, typed)).toBeUndefined();
  });
});

describe("the text of a token", () => {
  const token = issuer.token(clock.nowMs);
  it("has one spelling", async () => {
    const [header, payload, signature] = token.split(".") as [string, string, string];
    const others = [
      ` ${token}`,
      `${token}\n`,
      `${token}=`,
      `${header}=.${payload}.${signature}`,
      `${header}. ${payload}.${signature}`,
      `${header}.${payload}?.${signature}`,
      `${header}.${payload}.${signature}.`,
      `${header}.${payload}`,
      `..${signature}`,
      "..",
    ];
    for (const other of others) expect(await callerOf(other)).toBeUndefined();
    // The last character of an Ed25519 signature has bits that are not part of any byte.
    const last = signature.slice(-1);
    const twin = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const twins = [...twin].filter((character) => character !== last);
    for (const character of twins) {
      expect(await callerOf(token.slice(0, -1) + character)).toBeUndefined();
    }
  });

  it("is refused with any one bit changed", async () => {
    const auth = await openJwtAuth({ ...base, key: issuer.publicKey });
    for (let index = 0; index < token.length; index++) {
      const flipped = String.fromCharCode(token.charCodeAt(index) ^ 1);
      const changed = token.slice(0, index) + flipped + token.slice(index + 1);
      expect(await auth.authenticate(evidenceOf({ token: changed }))).toBeUndefined();
    }
  });

  it("is not searched for in a request without one", async () => {
    const auth = await openJwtAuth({ ...base, key: issuer.publicKey });
    expect(await auth.authenticate(evidenceOf({}))).toBeUndefined();
    expect(
      await auth.authenticate(evidenceOf({ headers: { authorization: token } })),
    ).toBeUndefined();
  });
});

describe("any signed text", () => {
  it("is refused or identifies its subject, and never causes an error", async () => {
    const auth = await openJwtAuth({ ...base, key: issuer.publicKey, mayActForClaim: "for" });
    const good = { iss: base.issuer, aud: base.audience, sub: "alice", iat: NOW, exp: NOW + 60 };
    const member = fc.constantFrom("iss", "aud", "sub", "iat", "exp", "nbf", "for", "__proto__");
    const parameter = fc.constantFrom("alg", "kid", "typ", "crit", "b64", "jwk", "__proto__");
    const changes = fc.dictionary(member, fc.jsonValue(), { maxKeys: 2 });
    const headers = fc.dictionary(parameter, fc.jsonValue(), { maxKeys: 1 });
    await fc.assert(
      fc.asyncProperty(changes, headers, async (changed, header) => {
        const claims: Record<string, unknown> = { ...good, ...changed };
        const token = issuer.sign({ alg: "EdDSA", ...header }, claims);
        const caller = await auth.authenticate(evidenceOf({ token }));
        if (typeof caller === "object") expect(caller.principal).toBe(claims["sub"]);
      }),
      { numRuns: 300 },
    );
  });

  it("or an unsigned one, is refused and never causes an error", async () => {
    const auth = await openJwtAuth({ ...base, key: { keys: [issuer.jwk] } });
    const part = fc.oneof(fc.base64String(), fc.json(), fc.string({ unit: anyCodeUnit }));
    const encoded = part.map((text) => Buffer.from(text).toString("base64url"));
    const parts = fc.array(fc.oneof(part, encoded), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(parts, async (texts) => {
        const evidence = evidenceOf({ token: texts.join(".") });
        expect(await auth.authenticate(evidence)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe("the key of a server", () => {
  const secret = randomBytes(64);
  const hmacToken = (alg: "HS256" | "HS384" | "HS512", key: Uint8Array | string) => {
    const [, payload] = issuer.token(clock.nowMs).split(".");
    const input = `${Buffer.from(JSON.stringify({ alg })).toString("base64url")}.${payload}`;
    const mac = createHmac(alg.replace("HS", "sha"), key).update(input).digest("base64url");
    return `${input}.${mac}`;
  };

  it("may be a KeyObject, a CryptoKey or a JSON Web Key", async () => {
    const jwk = issuer.jwk;
    const spki = issuer.publicKey.export({ format: "der", type: "spki" });
    const cryptoKey = await webcrypto.subtle.importKey("spki", spki, "Ed25519", false, ["verify"]);
    for (const key of [issuer.publicKey, jwk, cryptoKey, { keys: [jwk] }]) {
      expect(await claimed({}, { key })).toEqual({ principal: "alice" });
    }
  });

  it("may be a secret, and then serves HS256, HS384 and HS512 as far as it is long enough", async () => {
    const jwk = { kty: "oct", k: secret.toString("base64url") };
    for (const key of [secret, createSecretKey(secret), jwk]) {
      for (const alg of ["HS256", "HS384", "HS512"] as const) {
        expect(await callerOf(hmacToken(alg, secret), { key })).toEqual({ principal: "alice" });
      }
    }
    const short = secret.subarray(0, 32);
    expect(await callerOf(hmacToken("HS256", short), { key: short })).toBeDefined();
    expect(await callerOf(hmacToken("HS512", short), { key: short })).toBeUndefined();
  });

  it("that is public is never a secret: RS256 tokens are not forged with HS256", async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const encodings = [
      publicKey.export({ format: "pem", type: "spki" }),
      publicKey.export({ format: "pem", type: "pkcs1" }),
      publicKey.export({ format: "der", type: "spki" }),
      JSON.stringify(publicKey.export({ format: "jwk" })),
    ];
    for (const bytes of encodings) {
      expect(await callerOf(hmacToken("HS256", bytes), { key: publicKey })).toBeUndefined();
    }
    const jwkText = publicKey.export({ format: "jwk" });
    const spki = publicKey.export({ format: "der", type: "spki" });
    const { certificate, cert } = TestAuthority.create().issue({ commonName: "issuer" });
    const published = [
      ...encodings,
      publicKey.export({ format: "der", type: "pkcs1" }),
      spki.toString("base64"),
      spki.toString("base64url"),
      spki.toString("base64").replaceAll(/.{64}/g, "$&\n"),
      JSON.stringify({ keys: [jwkText] }, undefined, 2),
      cert,
      certificate.raw,
      certificate.raw.toString("base64"),
      `ssh-rsa ${"A".repeat(200)} issuer@example.org`,
    ];
    for (const bytes of published) {
      const error = await thrownBy(() => callerOf("", { key: Buffer.from(bytes) }));
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toMatch(/is a public key or certificate, not a secret/);
    }
    const algorithms = ["RS256", "HS256"];
    expect(await thrownBy(() => callerOf("", { key: publicKey, algorithms }))).toBeInstanceOf(
      RangeError,
    );
  });

  it("supports only the algorithms in the list", async () => {
    const key = secret;
    const options = { key, algorithms: ["HS512"] };
    expect(await callerOf(hmacToken("HS512", key), options)).toBeDefined();
    expect(await callerOf(hmacToken("HS256", key), options)).toBeUndefined();
  });

  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const p256k = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const x25519 = generateKeyPairSync("x25519");
  const ed = generateKeyPairSync("ed25519");
  const refused: readonly (readonly [string, unknown, unknown])[] = [
    ["a private KeyObject", ed.privateKey, TypeError],
    ["a private JSON Web Key", ed.privateKey.export({ format: "jwk" }), TypeError],
    ["a set with a private key", { keys: [ed.privateKey.export({ format: "jwk" })] }, TypeError],
    ["a set with a secret", { keys: [{ kty: "oct", k: secret.toString("base64url") }] }, TypeError],
    ["an empty set", { keys: [] }, RangeError],
    ["a set of something else", { keys: ["a"] }, TypeError],
    ["RSA of 1,024 bits", rsa.publicKey, RangeError],
    ["a curve that no algorithm uses", p256k.publicKey, TypeError],
    ["a key for agreement", x25519.publicKey, TypeError],
    ["a key for encryption", { ...issuer.jwk, use: "enc" }, TypeError],
    ["a key for wrapping", { ...issuer.jwk, key_ops: ["wrapKey"] }, TypeError],
    ["a key for another algorithm", { ...issuer.jwk, alg: "HS256" }, TypeError],
    ["31 bytes", secret.subarray(0, 31), RangeError],
    ["no bytes", new Uint8Array(), RangeError],
    ["an empty JSON Web Key", {}, TypeError],
    ["a short secret as JSON", { kty: "oct", k: "c2hvcnQ" }, RangeError],
    ["a text", "a".repeat(64), TypeError],
    ["null", null, TypeError],
  ];
  it.each(refused)("may not be %s", async (_, key, kind) => {
    const error = await thrownBy(() => callerOf("", { key: key as Uint8Array }));
    expect(error).toBeInstanceOf(kind);
  });
});

describe("options of openJwtAuth", () => {
  const key = issuer.publicKey;
  it.each([
    [undefined, TypeError],
    [{ issuer: "i", audience: "a" }, TypeError],
    [{ ...base, key, jwks: { url: "https://a.test" } }, TypeError],
    [{ ...base, key, issuer: undefined }, TypeError],
    [{ ...base, key, issuer: "" }, RangeError],
    [{ ...base, key, issuer: ["a", "b"] }, TypeError],
    [{ ...base, key, audience: undefined }, TypeError],
    [{ ...base, key, audience: "" }, RangeError],
    [{ ...base, key, algorithms: [] }, RangeError],
    [{ ...base, key, algorithms: "EdDSA" }, TypeError],
    [{ ...base, key, algorithms: [5] }, TypeError],
    [{ ...base, key, algorithms: ["none"] }, RangeError],
    [{ ...base, key, algorithms: ["EdDSA", "none"] }, RangeError],
    [{ ...base, key, algorithms: ["RS256"] }, RangeError],
    [{ ...base, jwks: { url: "https://a.test" }, algorithms: ["HS256"] }, RangeError],
    [{ ...base, key, claim: "" }, RangeError],
    [{ ...base, key, claim: 5 }, TypeError],
    [{ ...base, key, mayActForClaim: "" }, RangeError],
    [{ ...base, key, typ: "" }, RangeError],
    [{ ...base, key, maxLifetimeSeconds: 0 }, RangeError],
    [{ ...base, key, maxLifetimeSeconds: Number.POSITIVE_INFINITY }, RangeError],
    [{ ...base, key, maxLifetimeSeconds: "1d" }, TypeError],
    [{ ...base, key, clockToleranceSeconds: 301 }, RangeError],
    [{ ...base, key, clockToleranceSeconds: -1 }, RangeError],
    [{ ...base, key, clock: {} }, TypeError],
    [{ ...base, key, subject: "alice" }, TypeError],
  ])("are refused when they are wrong: case %#", async (options, kind) => {
    const error = await thrownBy(() => openJwtAuth(options as unknown as JwtAuthOptions));
    expect(error).toBeInstanceOf(kind);
  });

  it("are in no text that the authenticator exposes", async () => {
    const secret = Buffer.from("canary-secret-canary-secret-canary-secret");
    const auth = await openJwtAuth({ ...base, issuer: "canary-issuer", key: secret });
    const shown = inspect(auth, { depth: 9, showHidden: true }) + JSON.stringify(auth);
    expect(shown).not.toMatch(/canary|63616e617279|99, 97, 110/);
  });
});
