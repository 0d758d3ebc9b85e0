import {
  createSecretKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { describe, expect, it } from "vitest";
import { headerAuth } from "../../src/auth/header.js";
import { openJwtAuth } from "../../src/auth/jwt.js";
import type { JwtKey } from "../../src/auth/jwt-keys.js";
import { isPublishedKey } from "../../src/auth/key-text.js";
import { generateToken, hashToken, tokenAuth } from "../../src/auth/token.js";
import { TestAuthority } from "../support/certificates.js";
import { messageThrownBy } from "../support/refusals.js";

const KEYS: readonly (readonly [kind: string, key: KeyObject])[] = [
  ["RSA", generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey],
  ["RSA-PSS", generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey],
  ...["P-256", "P-384", "P-521", "secp256k1"].map(
    (namedCurve) => [namedCurve, generateKeyPairSync("ec", { namedCurve }).publicKey] as const,
  ),
  ["Ed25519", generateKeyPairSync("ed25519").publicKey],
  ["Ed448", generateKeyPairSync("ed448").publicKey],
  ["X25519", generateKeyPairSync("x25519").publicKey],
  ["X448", generateKeyPairSync("x448").publicKey],
];
const { certificate, cert } = TestAuthority.create().issue({ commonName: "issuer" });

type Form = readonly [name: string, bytes: Buffer];

/** Returns every form in which Node exports a public key. */
function exportsOf([kind, key]: (typeof KEYS)[number]): Form[] {
  const forms: Form[] = [
    [`${kind}: SPKI, DER`, key.export({ format: "der", type: "spki" })],
    [`${kind}: SPKI, PEM`, Buffer.from(key.export({ format: "pem", type: "spki" }))],
  ];
  if (kind === "RSA") {
    forms.push([`${kind}: PKCS #1, DER`, key.export({ format: "der", type: "pkcs1" })]);
    forms.push([
      `${kind}: PKCS #1, PEM`,
      Buffer.from(key.export({ format: "pem", type: "pkcs1" })),
    ]);
  }
  // Node has no JSON Web Key for it.
  if (kind === "RSA-PSS") return forms;
  const jwk = key.export({ format: "jwk" });
  forms.push([`${kind}: JSON Web Key`, Buffer.from(JSON.stringify(jwk))]);
  const set = JSON.stringify({ keys: [{ ...jwk, kid: "1" }] }, undefined, 2);
  forms.push([`${kind}: JSON Web Key Set`, Buffer.from(set)]);
  if (jwk.kty === "EC") forms.push([`${kind}: point`, pointOf(jwk)]);
  const blob = sshBlobOf(jwk);
  if (blob === undefined) return forms;
  const line = `${blob.toString("latin1", 4, 4 + blob.readUInt32BE(0))} ${blob.toString("base64")}`;
  forms.push([`${kind}: OpenSSH, bytes`, blob]);
  forms.push([`${kind}: OpenSSH`, Buffer.from(`${line} issuer@example.org\n`)]);
  forms.push([`${kind}: OpenSSH, with options`, Buffer.from(`no-pty,command="a b" ${line}`)]);
  forms.push([`${kind}: OpenSSH, known host`, Buffer.from(`example.org,10.0.0.1 ${line}`)]);
  return forms;
}

const bytesOf = (member: string | undefined) => Buffer.from(member ?? "", "base64url");

function pointOf({ x, y }: JsonWebKey): Buffer {
  return Buffer.concat([Buffer.of(4), bytesOf(x), bytesOf(y)]);
}

/** RFC 4253, 6.6; RFC 5656, 3.1; RFC 8709, 4. */
function sshBlobOf(jwk: JsonWebKey): Buffer | undefined {
  if (jwk.kty === "RSA") return packed("ssh-rsa", bytesOf(jwk.e), unsigned(bytesOf(jwk.n)));
  if (jwk.crv === "Ed25519") return packed("ssh-ed25519", bytesOf(jwk.x));
  if (jwk.crv === "P-256") return packed("ecdsa-sha2-nistp256", "nistp256", pointOf(jwk));
  return undefined;
}

function unsigned(number: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0), number]);
}

function packed(...fields: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    fields.flatMap((field) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(field.length);
      return [length, Buffer.from(field as string)];
    }),
  );
}

const FORMS: readonly Form[] = [
  ...KEYS.flatMap(exportsOf),
  ["certificate, DER", certificate.raw],
  ["certificate, PEM", Buffer.from(cert)],
];

/** The encodings of a form in settings, files and manifests. */
const ENCODINGS: Readonly<Record<string, (bytes: Buffer) => string | Buffer>> = {
  "as it is": (bytes) => bytes,
  "in base64": (bytes) => bytes.toString("base64"),
  "in base64url": (bytes) => bytes.toString("base64url"),
  "in lines of base64": (bytes) => bytes.toString("base64").replaceAll(/.{64}/g, "$&\r\n"),
  "in quotes": (bytes) => `"${bytes.toString("base64")}"\n`,
  "in base64 of base64": (bytes) => Buffer.from(bytes.toString("base64")).toString("base64"),
  "in hex": (bytes) => bytes.toString("hex"),
  "in capital hex": (bytes) => `0x${bytes.toString("hex").toUpperCase()}`,
  "in hex with colons": (bytes) => bytes.toString("hex").replaceAll(/..(?!$)/g, "$&:"),
  "in UTF-16": (bytes) => Buffer.from(`\ufeff${bytes.toString("base64")}`, "utf16le"),
  "behind a byte order mark": (bytes) => `\ufeff${bytes.toString("base64")}`,
  "before the end of a line": (bytes) => Buffer.concat([bytes, Buffer.from("\n")]),
};

const jwtOptions = { issuer: "https://login.example.org", audience: "handlevault" };
const KEY = randomBytes(32);
const withKey = (key: JwtKey) => () => openJwtAuth({ ...jwtOptions, key });
const withSecret = (secret: string) => () => headerAuth({ peers: ["10.0.0.7"], secret });
const withToken = (token: string) => () => tokenAuth({ tokens: [{ token, principal: "alice" }] });

/** Every function that takes the bytes of a shared secret. */
const TAKING_BYTES: Readonly<Record<string, (bytes: Buffer) => () => unknown>> = {
  "the bytes of a key of JWTs": withKey,
  "a secret KeyObject for JWTs": (bytes) => withKey(createSecretKey(bytes)),
  "a secret JSON Web Key": (bytes) => withKey({ kty: "oct", k: bytes.toString("base64url") }),
  "the key of tokenAuth": (key) => () => tokenAuth({ tokens: [], key: new Uint8Array(key) }),
  "the key of hashToken": (key) => () => hashToken(generateToken(), key),
};

/** Every function that takes the text of a shared secret. */
const TAKING_TEXT: Readonly<Record<string, (text: string) => () => unknown>> = {
  "the secret of a proxy": withSecret,
  "a static token": withToken,
  "a token to hash": (token) => () => hashToken(token, KEY),
};

const REFUSED = /is a public key or certificate, not a secret/;

describe("a published key", () => {
  it.each(FORMS)("is recognised in every encoding: %s", (_, bytes) => {
    const missed = Object.entries(ENCODINGS)
      .filter(([, encode]) => !isPublishedKey(encode(bytes)))
      .map(([name]) => name);
    expect(missed).toEqual([]);
  });

  it("is recognised among other keys, in strings of JSON and in RFC 4716", () => {
    const [, key] = KEYS[0] as (typeof KEYS)[number];
    const jwk = JSON.stringify(key.export({ format: "jwk" }));
    const ssh2 = '---- BEGIN SSH2 PUBLIC KEY ----\nComment: "a"\nAAAA\n';
    for (const text of [`[${jwk}]`, JSON.stringify(jwk), JSON.stringify(cert), `\n${cert}`, ssh2]) {
      expect(isPublishedKey(text)).toBe(true);
    }
  });

  it.each(Object.entries(TAKING_BYTES))("is refused as %s", async (_, take) => {
    for (const [, bytes] of FORMS) {
      for (const encode of Object.values(ENCODINGS)) {
        const message = await messageThrownBy(take(Buffer.from(encode(bytes) as string)));
        expect(message).toMatch(REFUSED);
      }
    }
  });

  it.each(Object.entries(TAKING_TEXT))("is refused as %s", async (_, take) => {
    for (const [, bytes] of FORMS) {
      for (const encoding of ["hex", "base64", "base64url"] as const) {
        const text = bytes.toString(encoding);
        const message = await messageThrownBy(take(text));
        expect(message).toMatch(text.length > 1024 ? /must have 32 to 1024 characters/ : REFUSED);
      }
    }
  });

  it("is not in the message that refuses it", async () => {
    const text = certificate.raw.toString("base64").slice(0, 1024);
    expect(await messageThrownBy(withSecret(text))).not.toContain(text.slice(0, 8));
  });
});

describe("a secret", () => {
  it("of random bytes is taken in every encoding", () => {
    for (let length = 32; length < 140; length++) {
      // The first bytes of keys: a SEQUENCE, a point, the length of a name.
      for (const start of [[], [0x30], [0x30, 0x59], [4], [0, 0, 0, 7]]) {
        const bytes = Buffer.concat([Buffer.from(start), randomBytes(length - start.length)]);
        for (const encode of Object.values(ENCODINGS)) {
          expect(isPublishedKey(encode(bytes))).toBe(false);
        }
      }
    }
  });

  it.each([
    generateToken(),
    "correct-horse-battery-staple-correct-horse-battery",
    "0123456789abcdef0123456789abcdef",
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
    "sk-ant-0123456789abcdef0123456789abcdef",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  ])("that only begins like a key is taken: %s", async (text) => {
    for (const take of Object.values(TAKING_TEXT)) expect(take(text)).not.toThrow();
    await withKey(Buffer.from(text))();
  });
});
