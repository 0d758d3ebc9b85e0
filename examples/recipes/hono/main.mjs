// One route seals its response, another receives the payload of a handle, typed by a schema.
import { serve } from "@hono/node-server";
import { HandleVault } from "handlevault";
import { generateToken, tokenAuth } from "handlevault/auth";
import { requireUnsealed, sealResponse } from "handlevault/transport/http/router";
import { Hono } from "hono";
import { z } from "zod";

const vault = new HandleVault();
const token = generateToken();
const auth = tokenAuth({ tokens: [{ token, principal: "doctor" }] });
const patient = z.object({ name: z.string(), born: z.string() });

const app = new Hono()
  .get(
    "/patients/:n",
    sealResponse(vault, { ownerPrincipal: "doctor", safeView: "a patient" }),
    (context) => context.json({ name: "Ada Lovelace", born: "1815-12-10" }),
  )
  .post("/letters/:id", requireUnsealed(vault, { auth, schema: patient }), (context) =>
    context.text(`Dear ${context.get("unsealed").name}`),
  );

const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, async ({ port }) => {
  const base = `http://127.0.0.1:${port}`;
  const sealed = await (await fetch(`${base}/patients/1`)).json();
  console.log("the client sees:", sealed.safe_view);
  const letter = `${base}/letters/${sealed.handle_id}`;
  console.log("a stranger:", (await fetch(letter, { method: "POST" })).status);
  const headers = { authorization: `Bearer ${token}` };
  console.log("the doctor:", await (await fetch(letter, { method: "POST", headers })).text());
  server.close();
});
