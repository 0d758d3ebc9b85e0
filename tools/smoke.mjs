/**
 * A program that imports the packed package, has no peers and runs on any Node that it supports:
 * `node smoke.mjs` beside a `node_modules/handlevault`. Plain JavaScript, since it runs as it is.
 */
import assert from "node:assert/strict";
import { generateKey, HandleVault, isVaultError, KeyRing, VaultCodec } from "handlevault";
import { lruCache } from "handlevault/cache/lru";
import { zstdCompressor } from "handlevault/codec/compressor/zstd";
import { fernetEncryptor, generateFernetKey } from "handlevault/codec/encryptor/fernet";
import { messagePackSerializer } from "handlevault/codec/serializer/messagepack";
import { cacheBackendLaws } from "handlevault/testing";

const options = { ownerPrincipal: "owner", grantedPrincipals: ["gateway"], safeView: "a record" };
const payloads = [{ a: [1, null, "é"] }, "text".repeat(5000), new Uint8Array([0, 255])];

const ring = KeyRing.from({ current: "k1", keys: { k1: generateKey() } });
const vault = new HandleVault({ keys: ring });
for (const data of payloads) {
  const handle = await vault.seal(data, { ...options, maxUses: 2 });
  assert.deepEqual(await vault.unseal(handle.id, "gateway"), data);
  await assert.rejects(vault.unseal(handle.id, "stranger"), { name: "HandleAccessDeniedError" });
  ring.add(handle.id.slice(0, 12), generateKey());
  ring.promote(handle.id.slice(0, 12));
  await vault.rewrap();
  assert.deepEqual(await vault.unseal(handle.id, "owner"), data);
  await assert.rejects(vault.unseal(handle.id, "owner"), { name: "HandleExhaustedError" });
}
await vault.close();

const fernet = new VaultCodec({ encryptor: fernetEncryptor({ keys: [generateFernetKey()] }) });
assert.deepEqual(await fernet.decode(await fernet.encode({ a: 1 })), { a: 1 });

for (const missing of [
  () => new HandleVault({ cache: lruCache({ maxEntries: 5 }) }).seal("x", options),
  () => new VaultCodec({ serializer: messagePackSerializer() }).encode("x"),
]) {
  await assert.rejects(missing, (error) => isVaultError(error, "ERR_VAULT_PEER_MISSING"));
}

const zstd = new VaultCodec({ compressor: zstdCompressor() });
const [major, minor] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 15)) {
  const text = "compressible ".repeat(1000);
  const encoded = await zstd.encode(text);
  assert.ok(encoded.length < 1000);
  assert.equal(await zstd.decode(encoded), text);
} else {
  await assert.rejects(zstd.encode("x"), { name: "PeerMissingError" });
}

assert.ok(Object.keys(cacheBackendLaws).length > 40);
console.log(`smoke test passed on Node ${process.versions.node}`);
