// Serves a vault below /vault of a Fastify application, in a plugin that leaves bodies unread.
import fastify from "fastify";
import { HandleVault } from "handlevault";
import { generateToken, tokenAuth } from "handlevault/auth";
import { VaultClient } from "handlevault/client";
import { nodeHandler } from "handlevault/transport/http";

const vault = new HandleVault();
const token = generateToken();
const auth = tokenAuth({ tokens: [{ token, principal: "reports" }] });

const app = fastify();
app.get("/health", () => ({ status: "ok" }));
await app.register((scope, _options, done) => {
  const handle = nodeHandler(vault, { auth, basePath: "/vault" });
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  scope.all("/vault/*", (request, reply) => {
    reply.hijack();
    handle(request.raw, reply.raw);
  });
  done();
});
const address = await app.listen({ port: 0, host: "127.0.0.1" });

const client = VaultClient.http(`${address}/vault`, { token });
const handle = await client.seal(
  { revenue: 1_250_000 },
  { ownerPrincipal: "reports", safeView: "the figures of a quarter" },
);
console.log(handle.safeView);
console.log(await client.unseal(handle, "reports"));
await client.close();
await app.close();
await vault.close();
