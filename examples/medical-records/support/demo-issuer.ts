/** Replaces a login service: it signs tokens under a key of this run, and has no passwords. */
import { generateKeyPairSync } from "node:crypto";
import { type Authenticator, openJwtAuth } from "handlevault/auth";
import { SignJWT } from "jose";

const ISSUER = "https://login.example.org";
const LIFETIME = "10 minutes";

export class DemoIssuer {
  readonly #keys = generateKeyPairSync("ed25519");

  /** Returns a token of `principal` for one service, the `audience`. */
  async tokenFor(principal: string, audience: string): Promise<string> {
    return new SignJWT()
      .setProtectedHeader({ alg: "EdDSA" })
      .setIssuer(ISSUER)
      .setAudience(audience)
      .setSubject(principal)
      .setIssuedAt()
      .setExpirationTime(LIFETIME)
      .sign(this.#keys.privateKey);
  }

  /** Returns the authenticator of a service. */
  async authenticatorOf(audience: string): Promise<Authenticator> {
    return openJwtAuth({ issuer: ISSUER, audience, key: this.#keys.publicKey });
  }
}
