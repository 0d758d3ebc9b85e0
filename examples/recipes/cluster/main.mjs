// Processes of one host share handles in a SQLite file. The primary makes the keys and hands them to its workers.
import cluster from "node:cluster";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey, HandleVault, KeyRing } from "handlevault";
import { openSqliteCache } from "handlevault/cache/sqlite";

if (cluster.isPrimary) {
  const folder = mkdtempSync(join(tmpdir(), "cluster-"));
  const env = { VAULT_FILE: join(folder, "vault.db"), VAULT_KEYS: `k1:${generateKey()}` };
  const answerOf = (worker) => new Promise((resolve) => worker.once("message", resolve));
  const ask = (worker, message) => {
    worker.send(message);
    return answerOf(worker);
  };
  const [first, second] = [cluster.fork(env), cluster.fork(env)];
  // A message that comes before the worker listens is lost.
  await Promise.all([answerOf(first), answerOf(second)]);
  const id = await ask(first, { seal: { iban: "DE89 3704 0044 0532 0130 00" } });
  console.log("the second worker opened:", await ask(second, { open: id }));
  console.log("the use is spent for the first, too:", await ask(first, { open: id }));
  for (const worker of [first, second]) {
    worker.disconnect();
    await new Promise((resolve) => worker.once("exit", resolve));
  }
  rmSync(folder, { recursive: true });
} else {
  const cache = await openSqliteCache(process.env.VAULT_FILE);
  const vault = new HandleVault({ cache, keys: KeyRing.fromEnv("VAULT_KEYS") });
  process.on("message", async ({ seal, open }) => {
    const terms = { ownerPrincipal: "app", safeView: "an account", maxUses: 1 };
    if (seal !== undefined) process.send((await vault.seal(seal, terms)).id);
    else process.send(await vault.unseal(open, "app").catch(({ code }) => code));
  });
  process.on("disconnect", () => vault.close());
  process.send("ready");
}
