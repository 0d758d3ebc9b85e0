import { describe, expect, it, vi } from "vitest";
import { openJwtAuth } from "../../src/auth/jwt.js";
import { evidenceOf } from "../support/evidence.js";
import { loadVectors } from "../support/vectors.js";

interface NamedToken {
  readonly name: string;
  readonly token: string;
}
const vectors = loadVectors<{
  readonly now: number;
  readonly policy: { readonly iss: string; readonly aud: string };
  readonly jwks: { readonly keys: { readonly kty: string; readonly kid: string }[] };
  readonly hmac_secret_b64url: string;
  readonly good: readonly NamedToken[];
  readonly good_with_hs256_secret_only: readonly NamedToken[];
  readonly bad: readonly NamedToken[];
}>("jose/bad_jwts.json");

const policy = {
  issuer: vectors.policy.iss,
  audience: vectors.policy.aud,
  claim: "principal",
  clockToleranceSeconds: 0,
  maxLifetimeSeconds: 86_400,
  clock: { now: () => vectors.now * 1000 },
};
const withPublicKeys = await openJwtAuth({
  ...policy,
  key: vectors.jwks,
  algorithms: ["RS256", "ES256", "EdDSA"],
});
const withSecret = await openJwtAuth({
  ...policy,
  key: Buffer.from(vectors.hmac_secret_b64url, "base64url"),
});
const callerOf = (token: string) => withPublicKeys.authenticate(evidenceOf({ token }));

/** Bad tokens that are accepted nevertheless, and the reason. */
const ACCEPTED: Readonly<Record<string, string>> = {
  // RFC 7515, section 4, allows a parser to take the last of two members. Here that is ES256, the issuer's
  // signature
  // covers the header, and no code here reads the first.
  "header duplicate alg": "the last alg counts, for jose and for the signature",
};
const ACCEPTED_BY_SECRET: Readonly<Record<string, string>> = {
  "HS256 where only asymmetric is allowed": "it was signed with the secret",
  "kid SQL": "it was signed with the secret, and with one key no kid is looked up",
};

describe("tokens that are wrong in one way each", () => {
  it.each(vectors.good)("the good one counts: $name", async ({ token }) => {
    expect(await callerOf(token)).toEqual({ principal: "spiffe://test.local/agent" });
  });

  it.each(vectors.bad)("$name is refused", async ({ name, token }) => {
    const caller = await callerOf(token);
    expect(caller !== undefined).toBe(Object.hasOwn(ACCEPTED, name));
  });

  it.each(vectors.bad)("$name is refused where a secret verifies", async ({ name, token }) => {
    const caller = await withSecret.authenticate(evidenceOf({ token }));
    expect(caller !== undefined).toBe(Object.hasOwn(ACCEPTED_BY_SECRET, name));
  });

  it.each(vectors.good_with_hs256_secret_only)(
    "$name counts where a secret verifies, and nowhere else",
    async ({ token }) => {
      expect(await callerOf(token)).toBeUndefined();
      const caller = await withSecret.authenticate(evidenceOf({ token }));
      expect(caller).toEqual({ principal: "spiffe://test.local/agent" });
    },
  );

  it("a header of 1 MiB is refused before it is decoded", async () => {
    const [, payload, signature] = (vectors.good[0]?.token ?? "").split(".");
    const header = Buffer.from(`{"alg":"RS256","kid":"${"x".repeat(2 ** 20)}"}`);
    const token = [header.toString("base64url"), payload, signature].join(".");
    const parse = vi.spyOn(JSON, "parse");
    expect(await callerOf(token)).toBeUndefined();
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });
});
