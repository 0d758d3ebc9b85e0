// A function whose process is frozen between calls and may be replaced. The keys come from the environment and the
// records from a shared cache (here a file, there Redis), so that any instance opens the handles of any other.
// Open both once per instance, outside the handler; call limits end what a thaw finds half done.
import { HandleVault, KeyRing } from "handlevault";
import { openSqliteCache } from "handlevault/cache/sqlite";

const cache = await openSqliteCache(process.env.VAULT_FILE, { purge: "manual" });
const vault = new HandleVault({ cache, keys: KeyRing.fromEnv("VAULT_KEYS") });
const limits = { timeoutMs: 2000 };

export async function handler({ action, payload, id }) {
  if (action === "open") return vault.unseal(id, "function", limits);
  const terms = { ownerPrincipal: "function", safeView: "an order", ttlSeconds: 900 };
  return (await vault.seal(payload, { ...terms, ...limits })).id;
}
