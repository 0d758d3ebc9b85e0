/**
 * Rotates the key of two vaults in two processes that share one store, by the steps of docs/keys.md. No read
 * fails and no record is lost.
 */
import { strict as assert } from "node:assert";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey, HandleVault, KeyRing } from "handlevault";
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

const november = `2026-11:${generateKey()}`;
const december = `2026-12:${generateKey()}`;
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

// 2. It goes to the front of the file, where a process that starts finds its current key, and every process
// seals under it. Until the last one does, both keys are in use.
await writeKeys([december, november]);
for (const { ring } of [one, two]) ring.promote("2026-12");
console.log("2. promoted everywhere:", one.ring.currentKeyId());

// A process that is restarted now seals under the new key, too.
await two.vault.close();
const three = await openProcess();
assert.equal(three.ring.currentKeyId(), "2026-12");

// 3. What is sealed already is moved. Each process also waits for what it was still writing itself.
const reports = [await one.vault.rewrap(), await three.vault.rewrap()] as const;
console.log("3. rewrapped everywhere:", reports[0].rewrapped, "record moved");

// 4. The old key goes, since the reports show that nothing needs it.
one.ring.remove("2026-11", reports[0]);
three.ring.remove("2026-11", reports[1]);
await writeKeys([december]);
console.log("4. removed everywhere:", one.ring.keyIds.join(", "));

assert.equal(await three.vault.unseal(id, "records"), "the only copy");
await Promise.all([one.vault.close(), three.vault.close()]);

const restarted = await openProcess();
assert.equal(await restarted.vault.unseal(id, "records"), "the only copy");
console.log("5. after a restart:", await restarted.vault.unseal(id, "records"));
await restarted.vault.close();
await rm(folder, { recursive: true });
