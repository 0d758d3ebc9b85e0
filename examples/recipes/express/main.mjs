// A shop whose routes see handles instead of card numbers; one route may open them.
import { once } from "node:events";
import express from "express";
import { HandleVault } from "handlevault";
import { generateToken, tokenAuth } from "handlevault/auth";
import { nodeHandler } from "handlevault/transport/http";

const vault = new HandleVault();
const token = generateToken();
const auth = tokenAuth({ tokens: [{ token, principal: "billing" }] });

const app = express();
// Before any body parser: the handler reads the body within its own bounds.
app.use("/vault", nodeHandler(vault, { auth }));
app.use(express.json());
app.post("/cards", async (request, response) => {
  const handle = await vault.seal(request.body, {
    ownerPrincipal: "billing",
    safeView: "a payment card",
    maxUses: 1,
  });
  response.json({ id: handle.id, safeView: handle.safeView });
});

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const base = `http://127.0.0.1:${server.address().port}`;
const post = async (path, body, headers = {}) => {
  const init = { method: "POST", headers: { "content-type": "application/json", ...headers } };
  const response = await fetch(base + path, { ...init, body: JSON.stringify(body) });
  return [response.status, await response.json()];
};

const [, card] = await post("/cards", { number: "4111 1111 1111 1111" });
console.log("the application sees:", card.safeView);
const unseal = `/vault/handles/${card.id}/unseal`;
console.log("without a token:", (await post(unseal, {}))[0]);
const [status, { data }] = await post(unseal, {}, { authorization: `Bearer ${token}` });
console.log("billing:", status, data.number.slice(-4));
server.close();
