/**
 * A program that serves a vault with the packed package and the peers beside it: `node
 * smoke-services.mjs` beside a `node_modules` with `handlevault`, `zod`, `jose` and `hono`.
 */
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { HandleVault } from "handlevault";
import { openJwtAuth } from "handlevault/auth";
import { VaultClient } from "handlevault/client";
import { serveHttp } from "handlevault/transport/http";
import { vaultRouter } from "handlevault/transport/http/router";
import { serveJsonRpc } from "handlevault/transport/json-rpc";
import { serveXmlRpc } from "handlevault/transport/xml-rpc";
import { Hono } from "hono";

const ISSUED = { iss: "https://login.example.org", aud: "vault" };
const secret = randomBytes(32);
const auth = await openJwtAuth({ key: secret, issuer: ISSUED.iss, audience: ISSUED.aud });
const vault = new HandleVault();
const options = { ownerPrincipal: "owner", safeView: "a record" };

const CLIENTS = [
  [
    serveHttp,
    ({ port }) => VaultClient.http(`http://127.0.0.1:${port}`, { token: tokenOf("owner") }),
  ],
  [
    serveXmlRpc,
    ({ port }) => VaultClient.xmlRpc(`http://127.0.0.1:${port}`, { token: tokenOf("owner") }),
  ],
  [serveJsonRpc, (address) => VaultClient.jsonRpc(address, { token: tokenOf("owner") })],
];
for (const [serve, connect] of CLIENTS) {
  const server = await serve(vault, { auth, port: 0 });
  const client = connect(server.address);
  const { id } = await client.seal({ a: [1, null] }, options);
  assert.deepEqual(await client.unseal(id, "owner"), { a: [1, null] });
  await assert.rejects(client.unseal(id, "other"), { code: "ERR_VAULT_PRINCIPAL_FORBIDDEN" });
  await assert.rejects(client.seal("x", { ...options, ttlSeconds: -1 }), RangeError);
  await client.close();
  await server.stop();
}

const routes = vaultRouter(vault, { auth, failedAuthenticationsPerMinute: "unlimited" });
const app = new Hono().route("/handles", routes);
const { id } = await vault.seal("secret", options);
for (const [principal, status] of [
  ["owner", 200],
  ["other", 403],
  [undefined, 401],
]) {
  const headers = principal === undefined ? {} : { authorization: `Bearer ${tokenOf(principal)}` };
  const answer = await app.request(`/handles/${id}/resolve`, { method: "POST", headers });
  assert.equal(answer.status, status);
}
console.log("services work with these peers");

/** A token of the issuer's, good for a minute. */
function tokenOf(sub) {
  const claims = { ...ISSUED, sub, exp: Math.floor(Date.now() / 1000) + 60 };
  const parts = [{ alg: "HS256", typ: "JWT" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const signature = createHmac("sha256", secret).update(parts.join(".")).digest("base64url");
  return [...parts, signature].join(".");
}
