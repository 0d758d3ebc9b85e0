import { describe, expect, it } from "vitest";
import { HandleVault } from "../../../src/index.js";
import { serveHttp } from "../../../src/transport/http.js";
import { GRANTEE, OWNER, STRANGER, sealOptions, vaultWithClock } from "../../support/vault.js";
import { ask, LOCAL, serve, TOKENS, UNKNOWN_ID } from "./support.js";

const SEAL = { data: { name: "Jo" }, safe_view: "a record", granted_principals: [GRANTEE] };

describe("the routes", () => {
  it("seal, unseal, describe, show, grant, revoke, renew and invalidate", async () => {
    const server = await serve();
    const sealed = await ask(server, "POST /handles", { json: SEAL, token: "owner" });
    expect(sealed.status).toBe(201);
    expect(sealed.body).toMatchObject({ safe_view: "a record", owner_principal: OWNER });
    const handle = `/handles/${String(sealed.body["id"])}`;
    const unsealed = await ask(server, `POST ${handle}/unseal`, { json: {}, token: "grantee" });
    expect([unsealed.status, unsealed.body]).toEqual([200, { data: { name: "Jo" } }]);
    const view = await ask(server, `GET ${handle}/safe_view`, { token: "stranger" });
    expect(view.body).toEqual({ safe_view: "a record" });
    const described = await ask(server, `GET ${handle}`, { token: "owner" });
    expect(described.body).toMatchObject({ uses_left: null, granted_principals: [GRANTEE] });
    const change = { json: { principal: STRANGER }, token: "owner" };
    const granted = await ask(server, `POST ${handle}/grants`, change);
    expect(granted.body["granted_principals"]).toEqual([GRANTEE, STRANGER].toSorted());
    const revoked = await ask(server, `POST ${handle}/revoke`, change);
    expect(revoked.body["granted_principals"]).toEqual([GRANTEE]);
    const renewal = { json: { ttl_seconds: 9000 }, token: "owner" };
    const renewed = await ask(server, `POST ${handle}/renew`, renewal);
    expect(Date.parse(String(renewed.body["expires_at"])) - Date.now()).toBeGreaterThan(8_000_000);
    for (const _ of [1, 2]) {
      const gone = await ask(server, `DELETE ${handle}`, { token: "owner" });
      expect([gone.status, gone.body]).toEqual([200, { ok: true }]);
    }
    expect((await ask(server, `GET ${handle}`, { token: "owner" })).status).toBe(404);
  });

  it("seal and unseal many, and bytes as base64", async () => {
    const server = await serve();
    const bytes = { data: "AAEC", data_encoding: "base64", safe_view: "bytes" };
    const json = { requests: [bytes, SEAL, { safe_view: 5 }] };
    const sealed = await ask(server, "POST /batch/seal", { json, token: "owner" });
    const outcomes = sealed.body["outcomes"] as { ok: boolean; value?: { id: string } }[];
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, false]);
    const requests = outcomes.slice(0, 2).map(({ value }) => ({ id: value?.id }));
    const unsealed = await ask(server, "POST /batch/unseal", {
      json: { requests: [...requests, { id: UNKNOWN_ID }] },
      token: "owner",
    });
    expect(unsealed.body["outcomes"]).toMatchObject([
      { ok: true, value: { data: "AAEC", data_encoding: "base64" } },
      { ok: true, value: { data: SEAL.data } },
      { ok: false, error: { code: "ERR_VAULT_HANDLE_NOT_FOUND" } },
    ]);
  });

  it("show any client that the service runs and its API, and no more", async () => {
    const server = await serve();
    expect((await ask(server, "GET /health")).body).toEqual({ status: "ok" });
    expect((await ask(server, "GET /openapi.json")).body["openapi"]).toBe("3.1.1");
    expect((await ask(server, `GET /handles/${UNKNOWN_ID}/safe_view`)).status).toBe(401);
  });

  it("show safe views to everybody by option only", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const server = await serve({ publicSafeViews: true }, vault);
    const { body } = await ask(server, `GET /handles/${id}/safe_view`);
    expect(body).toEqual({ safe_view: "a payload" });
    expect((await ask(server, `GET /handles/${id}`)).status).toBe(401);
  });

  it("have a base path by option", async () => {
    const server = await serve({ basePath: "/vault" });
    expect((await ask(server, "GET /vault/health")).status).toBe(200);
    expect((await ask(server, "GET /health")).status).toBe(404);
    expect((await ask(server, "GET /vaulthealth")).status).toBe(404);
  });
});

describe("an answer to an error", () => {
  it("has the status and code of the error", async () => {
    const { vault, clock } = vaultWithClock();
    const server = await serve({}, vault);
    const { id } = await vault.seal("secret", sealOptions({ ttlSeconds: 10, maxUses: 1 }));
    const unseal = (token: string, handle = id) =>
      ask(server, `POST /handles/${handle}/unseal`, { json: {}, token });
    const seen = [await unseal("stranger"), await unseal("owner", UNKNOWN_ID)];
    seen.push(await unseal("nobody"));
    await unseal("owner");
    seen.push(await unseal("owner"));
    clock.advanceSeconds(10);
    seen.push(await unseal("owner"));
    expect(seen.map(({ status, body }) => [status, body["code"]])).toEqual([
      [403, "ERR_VAULT_HANDLE_ACCESS_DENIED"],
      [404, "ERR_VAULT_HANDLE_NOT_FOUND"],
      [401, "ERR_VAULT_UNAUTHENTICATED"],
      [410, "ERR_VAULT_HANDLE_EXHAUSTED"],
      [410, "ERR_VAULT_HANDLE_EXPIRED"],
    ]);
    for (const { body } of seen) {
      expect(Object.keys(body)).toEqual(["error", "code", "request_id"]);
      expect(body["request_id"]).toMatch(/^[0-9a-f]{16}$/);
    }
  });

  it("is kept by no cache and guessed at by no browser, nor is any other answer", async () => {
    const server = await serve();
    for (const path of ["/health", "/nowhere", `/handles/${UNKNOWN_ID}`]) {
      const { headers } = await ask(server, `GET ${path}`);
      expect(headers).toMatchObject({
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-type": "application/json",
      });
    }
  });

  it("says how to authenticate, and whether it was for the token (RFC 6750, section 3.1)", async () => {
    const server = await serve();
    const without = await ask(server, `GET /handles/${UNKNOWN_ID}`);
    expect(without.headers["www-authenticate"]).toBe('Bearer realm="handlevault"');
    const wrong = await ask(server, `GET /handles/${UNKNOWN_ID}`, { token: "wrong" });
    const challenge = 'Bearer realm="handlevault", error="invalid_token"';
    expect(wrong.headers["www-authenticate"]).toBe(challenge);
  });

  it("distinguishes an unknown path from a method that a path does not allow", async () => {
    const server = await serve();
    const none = await ask(server, "GET /nowhere");
    expect([none.status, none.body["code"]]).toEqual([404, "ERR_HTTP_NO_ROUTE"]);
    const method = await ask(server, "PUT /handles/x");
    expect([method.status, method.headers["allow"]]).toEqual([405, "GET, DELETE"]);
    expect((await ask(server, "OPTIONS /handles")).headers["allow"]).toBe("POST");
  });

  it("holds neither payload, id, principal nor access list, whatever was asked", async () => {
    const canary = "canary-7f3a";
    const vault = new HandleVault();
    const server = await serve({ failedAuthenticationsPerMinute: 1000 }, vault);
    const { id } = await vault.seal(canary, sealOptions({ safeView: canary, leakGuard: "off" }));
    const bodies = [{}, { requesting_principal: canary }, { [canary]: canary }, { id: canary }];
    for (const token of ["stranger", canary]) {
      for (const json of bodies) {
        for (const action of ["unseal", "grants", "revoke", "renew", canary]) {
          const { text, status } = await ask(server, `POST /handles/${id}/${action}`, {
            json,
            token,
          });
          expect(status).toBeGreaterThanOrEqual(400);
          for (const secret of [canary, id, OWNER, GRANTEE, "node_modules", "src/"]) {
            expect(text).not.toContain(secret);
          }
        }
      }
    }
  });

  it("says nothing of why the vault failed", async () => {
    const failing = new HandleVault();
    failing.getSafeView = () => Promise.reject(new Error("canary in /etc/secret"));
    const server = await serve({}, failing);
    const answer = await ask(server, `GET /handles/${UNKNOWN_ID}/safe_view`, { token: "owner" });
    expect([answer.status, answer.body["code"]]).toEqual([500, "ERR_VAULT_INTERNAL"]);
    expect(answer.text).not.toContain("canary");
  });
});

describe("who is calling", () => {
  it("is identified by the credential: an agent that names the gateway's principal is refused", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const server = await serve({ gatewayPrincipals: [GRANTEE] }, vault);
    for (const named of [GRANTEE, OWNER]) {
      const json = { requesting_principal: named };
      const headers = { "requesting-principal": encodeURIComponent(named) };
      const token = "stranger";
      const answers = [
        await ask(server, `POST /handles/${id}/unseal`, { json, token }),
        await ask(server, `GET /handles/${id}`, { headers, token }),
        await ask(server, `DELETE /handles/${id}`, { headers, token }),
        await ask(server, "POST /handles", { json: { ...SEAL, owner_principal: named }, token }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    }
    expect(await vault.unseal(id, OWNER)).toBe("secret");
  });

  it("is the principal in the request only if local callers are trusted", async () => {
    const server = await serve({ auth: LOCAL });
    const json = { ...SEAL, owner_principal: OWNER };
    const { body } = await ask(server, "POST /handles", { json });
    const headers = { "requesting-principal": encodeURIComponent(STRANGER) };
    const path = `/handles/${String(body["id"])}`;
    expect((await ask(server, `DELETE ${path}`, { headers })).status).toBe(403);
    expect((await ask(server, `DELETE ${path}`)).status).toBe(200);
  });

  it("is not taken from a header that is sent twice", async () => {
    const vault = new HandleVault();
    const { id } = await vault.seal("secret", sealOptions());
    const server = await serve({ auth: LOCAL }, vault);
    const headers = { "requesting-principal": [STRANGER, OWNER] };
    expect((await ask(server, `DELETE /handles/${id}`, { headers })).status).toBe(400);
    expect(await vault.unseal(id, OWNER)).toBe("secret");
  });

  it("must be known: a server without auth, or with one that trusts every client, does not start", async () => {
    for (const options of [undefined, {}, { port: 0 }, { auth: undefined }, { auth: "none" }]) {
      await expect(serveHttp(new HandleVault(), options as never)).rejects.toThrow(TypeError);
    }
    const exposed = { host: "0.0.0.0", port: 0 };
    const trusting = { ...exposed, auth: LOCAL, insecureTransport: true };
    await expect(serveHttp(new HandleVault(), trusting)).rejects.toThrow(TypeError);
    const readable = { ...exposed, auth: TOKENS };
    await expect(serveHttp(new HandleVault(), readable)).rejects.toThrow(TypeError);
  });
});
