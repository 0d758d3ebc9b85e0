/** Real credentials over every wire: signature, lifetime and principal. */
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { anyOf, openJwtAuth, tokenAuth } from "../../../src/auth.js";
import type { VaultClient } from "../../../src/client.js";
import { HandleVault } from "../../../src/index.js";
import { TestIssuer } from "../../support/tokens.js";
import { GRANTEE, OWNER, sealOptions } from "../../support/vault.js";
import { clientOf, serverOf, WIRES } from "./wires.js";

const AGENT = "spiffe://example.org/agent";
const UNKNOWN_ID = `hdl_${"0".repeat(32)}`;
const STATIC = "s".repeat(43);
const issuer = new TestIssuer();
const { issuer: iss, audience } = TestIssuer;

/** Returns a port of this machine without a listener. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "done",
    (error: unknown) => (error as { readonly code?: unknown }).code,
  );

describe.each(WIRES)("over %s", (wire) => {
  /** Serves a vault whose clock the test sets, and returns clients by their credential. */
  async function scene() {
    let nowMs = Date.now();
    const clock = { now: () => nowMs };
    const key = issuer.publicKey;
    const auth = anyOf(
      await openJwtAuth({ issuer: iss, audience, key, clock, mayActForClaim: "may_act_for" }),
      tokenAuth({
        tokens: [{ token: STATIC, principal: OWNER, expiresAt: new Date(nowMs + 1000) }],
        clock,
      }),
    );
    const { port } = await serverOf(wire, new HandleVault(), { auth });
    const as = (claims: object): VaultClient =>
      clientOf(wire, port, { token: issuer.token(nowMs, { ...claims }) });
    const showing = (token: string): VaultClient => clientOf(wire, port, { token });
    const later = (ms: number): void => {
      nowMs += ms;
    };
    return { as, showing, now: () => nowMs, later };
  }

  it("a signed token acts only as its subject, whatever principal the request names", async () => {
    const { as } = await scene();
    const [owner, agent] = [as({ sub: OWNER }), as({ sub: AGENT })];
    const { id } = await owner.seal("secret", sealOptions());
    expect(await owner.unseal(id, OWNER)).toBe("secret");
    for (const typed of [OWNER, GRANTEE]) {
      expect(await codeOf(agent.unseal(id, typed))).toBe("ERR_VAULT_PRINCIPAL_FORBIDDEN");
      expect(await codeOf(agent.describe(id, typed))).toBe("ERR_VAULT_PRINCIPAL_FORBIDDEN");
      expect(await codeOf(agent.invalidate(id, typed))).toBe("ERR_VAULT_PRINCIPAL_FORBIDDEN");
      expect(await codeOf(agent.grant(id, AGENT, { by: typed }))).toBe(
        "ERR_VAULT_PRINCIPAL_FORBIDDEN",
      );
      expect(await codeOf(agent.revoke(id, GRANTEE, { by: typed }))).toBe(
        "ERR_VAULT_PRINCIPAL_FORBIDDEN",
      );
      expect(await codeOf(agent.renew(id, 1, { by: typed }))).toBe("ERR_VAULT_PRINCIPAL_FORBIDDEN");
      expect(await codeOf(agent.seal("x", sealOptions({ ownerPrincipal: typed })))).toBe(
        "ERR_VAULT_PRINCIPAL_FORBIDDEN",
      );
    }
    expect(await codeOf(agent.unseal(id, AGENT))).toBe("ERR_VAULT_HANDLE_ACCESS_DENIED");
    expect(await owner.unseal(id, OWNER)).toBe("secret");
  });

  it("a signed token acts for those it lists, by name or by prefix, and for no others", async () => {
    const { as } = await scene();
    const gateway = as({ sub: AGENT, may_act_for: [OWNER, "tenant-a/*"] });
    const { id } = await gateway.seal(
      "secret",
      sealOptions({ grantedPrincipals: ["tenant-a/bob"] }),
    );
    expect(await gateway.unseal(id, "tenant-a/bob")).toBe("secret");
    for (const other of ["tenant-ab/bob", "tenant-a", "Tenant-a/bob", "tenant-b/bob"]) {
      expect(await codeOf(gateway.unseal(id, other))).toBe("ERR_VAULT_PRINCIPAL_FORBIDDEN");
    }
  });

  it("a token is valid for every request until it expires, on any connection", async () => {
    const { as, showing, later } = await scene();
    const [signed, fixed] = [as({ sub: OWNER }), showing(STATIC)];
    const { id } = await signed.seal("secret", sealOptions());
    expect(await fixed.unseal(id, OWNER)).toBe("secret");
    later(1000);
    expect(await codeOf(fixed.unseal(id, OWNER))).toBe("ERR_VAULT_UNAUTHENTICATED");
    expect(await signed.unseal(id, OWNER)).toBe("secret");
    later(331_000);
    expect(await codeOf(signed.unseal(id, OWNER))).toBe("ERR_VAULT_UNAUTHENTICATED");
  });

  it("a token of another issuer, for another service, unsigned or without an expiry is refused", async () => {
    const { as, showing, now } = await scene();
    const [header, payload] = issuer.token(now(), { sub: OWNER }).split(".");
    const strangers = [
      as({ sub: OWNER, iss: "https://evil.example" }),
      as({ sub: OWNER, aud: "another-service" }),
      as({ sub: OWNER, exp: undefined }),
      as({ sub: "" }),
      as({ sub: [OWNER] }),
      showing(`${header}.${payload}.`),
      showing(new TestIssuer().token(now(), { sub: OWNER })),
    ];
    for (const stranger of strangers) {
      expect(await codeOf(stranger.getSafeView(UNKNOWN_ID))).toBe("ERR_VAULT_UNAUTHENTICATED");
    }
  });

  it("unreadable keys are the service's fault, not the caller's: unavailable, and no failure counts", async () => {
    const url = `http://127.0.0.1:${await deadPort()}/jwks`;
    const auth = await openJwtAuth({ issuer: iss, audience, jwks: { url } });
    const { port } = await serverOf(wire, new HandleVault(), { auth });
    const client = clientOf(wire, port, { token: issuer.token(Date.now()) });
    for (let call = 0; call < 25; call++) {
      expect(await codeOf(client.getSafeView(UNKNOWN_ID))).toBe(
        "ERR_VAULT_AUTHENTICATION_UNAVAILABLE",
      );
    }
  });
});
