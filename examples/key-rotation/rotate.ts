/**
 * Rotates the key of two vaults in two processes that share one store, by the steps of docs/keys.md. No read
 * fails and no record is lost.
 */
import { strict as assert } from "node:assert";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HandleVault, KeyRing } from "handlevault";
import { openSqliteCache } from "handlevault/cache/sqlite";

const folder = await mkdtemp(join(tmpdir(), "key-rotation-"));
const keyFile = join(folder, "handlevault.keys");
const writeKeys = (lines: readonly string[]) =>
  writeFile(keyFile, `${lines.join("\n")}\n`, { mode: 0o600 });

/** The key ring and the vault of a process. */
async function openProcess() {
  const ring = await KeyRing.fromFile(keyFile);
  const cache = await openSqliteCache(join(folder, "handles.db"));
  return { ring, vault: new HandleVault({ cache, keys: ring }) };
}

const november = `2026-11:${KeyRing.generateKey()}`;
const december = `2026-12:${KeyRing.generateKey()}`;
await writeKeys([november]);
const [one, two] = [await openProcess(), await openProcess()];
const { id } = await one.vault.seal("the only copy", {
  ownerPrincipal: "records",
  safeView: "a text of 13 characters",
  ttlSeconds: 86_400,
});

// 1. Add the new key to the file, after the old one. Every process reads the file again.
await writeKeys([november, december]);
for (const { ring } of [one, two]) ring.reload();
console.log("1. added everywhere:", one.ring.keyIds.join(", "));

// 2. Every process starts to seal under the new key. Both keys are in use until the last process has started.
for (const { ring } of [one, two]) ring.promote("2026-12");
console.log("2. promoted everywhere:", one.ring.currentKeyId);

// 3. Rewrap the existing records. Remove the old key when a report shows that no record needs it.
for (const { ring, vault } of [one, two]) ring.remove("2026-11", await vault.rewrap());
await writeKeys([december]);
console.log("3. removed everywhere:", one.ring.keyIds.join(", "));

assert.equal(await two.vault.unseal(id, "records"), "the only copy");
await Promise.all([one.vault.close(), two.vault.close()]);

const restarted = await openProcess();
assert.equal(await restarted.vault.unseal(id, "records"), "the only copy");
console.log("4. after a restart:", await restarted.vault.unseal(id, "records"));
await restarted.vault.close();
await rm(folder, { recursive: true });
