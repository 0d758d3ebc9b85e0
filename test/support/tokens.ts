import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { JwtJsonWebKey } from "../../src/auth/jwt-keys.js";

/** A token issuer with an Ed25519 key, whose tokens have any contents that a test needs. */
export class TestIssuer {
  static readonly issuer = "https://login.example.org";
  static readonly audience = "handlevault";
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly #privateKey: KeyObject;

  constructor(kid = "first") {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.kid = kid;
    this.publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  get jwk(): JwtJsonWebKey {
    return { ...this.publicKey.export({ format: "jwk" }), kid: this.kid };
  }

  /** Returns a token that is valid at `nowMs`, except for the changed members. */
  token(
    nowMs: number,
    claims: Readonly<Record<string, unknown>> = {},
    header: Readonly<Record<string, unknown>> = {},
  ): string {
    const now = Math.floor(nowMs / 1000);
    const payload = {
      ...{ iss: TestIssuer.issuer, aud: TestIssuer.audience, sub: "alice" },
      ...{ iat: now, exp: now + 300, ...claims },
    };
    return this.sign({ alg: "EdDSA", kid: this.kid, ...header }, payload);
  }

  /** Signs a header and a payload, given as text or as values. */
  sign(header: unknown, payload: unknown): string {
    const input = `${part(header)}.${part(payload)}`;
    return `${input}.${sign(null, Buffer.from(input), this.#privateKey).toString("base64url")}`;
  }
}

function part(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString(
    "base64url",
  );
}
