// The main thread has the vault and the keys; workers use it over a Unix socket, each with a token of its own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { HandleVault } from "handlevault";
import { generateToken, tokenAuth } from "handlevault/auth";
import { serveJsonRpc } from "handlevault/transport/json-rpc";

const folder = mkdtempSync(join(tmpdir(), "workers-"));
const path = join(folder, "vault.sock");
const names = ["reader", "outsider"];
const tokens = names.map((principal) => ({ principal, token: generateToken() }));
const vault = new HandleVault();
const server = await serveJsonRpc(vault, { auth: tokenAuth({ tokens }), path });
const { id } = await vault.seal("the launch code", {
  ownerPrincipal: "main",
  grantedPrincipals: ["reader"],
  safeView: "a code",
});

for (const { principal, token } of tokens) {
  const worker = new Worker(new URL("./worker.mjs", import.meta.url), {
    workerData: { path, token, principal, id },
  });
  console.log(principal, "gets:", await new Promise((resolve) => worker.once("message", resolve)));
}
await server.stop();
await vault.close();
rmSync(folder, { recursive: true });
