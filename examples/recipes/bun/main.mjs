// A vault served and used by one program. The library imports Node's modules, which this runtime has.
import { HandleVault } from "handlevault";
import { generateToken, tokenAuth } from "handlevault/auth";
import { VaultClient } from "handlevault/client";
import { serveHttp } from "handlevault/transport/http";

const vault = new HandleVault();
const token = generateToken();
const auth = tokenAuth({ tokens: [{ token, principal: "app" }] });
const server = await serveHttp(vault, { auth, port: 0 });
const client = VaultClient.http(`http://127.0.0.1:${server.address.port}`, { token });

const terms = { ownerPrincipal: "app", safeView: "a note", maxUses: 1 };
const handle = await client.seal({ note: "secret" }, terms);
console.log(handle.safeView, await client.unseal(handle, "app"));
console.log(await client.unseal(handle, "app").catch(({ code }) => code));
await client.close();
await server.stop();
await vault.close();
