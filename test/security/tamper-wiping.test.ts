/** Decrypted memory is overwritten, whatever the result of the request is. */
import { describe, expect, it } from "vitest";
import {
  aes256GcmEncryptor,
  type Encryptor,
  generateKey,
  HandleVault,
  KeyRing,
  VaultCodec,
} from "../../src/index.js";
import { codeThrownBy, INTEGRITY } from "../support/refusals.js";
import { CANARY, OWNER, Scene, type SealedRecord } from "../support/sealed-scene.js";

const KEYS = KeyRing.from({ current: "k1", keys: { k1: generateKey() } });

/** Returns a record, and a vault that exposes the memory that it decrypted into. */
async function watched(): Promise<{
  scene: Scene;
  vault: HandleVault;
  record: SealedRecord;
  decrypted: Buffer[];
}> {
  const decrypted: Buffer[] = [];
  const inner = aes256GcmEncryptor({ keys: KEYS });
  const encryptor: Encryptor = {
    durable: true,
    encrypt: (plaintext, context) => inner.encrypt(plaintext, context),
    async decrypt(ciphertext, context) {
      const plaintext = await inner.decrypt(ciphertext, context);
      decrypted.push(plaintext as Buffer);
      return plaintext;
    },
  };
  const scene = new Scene(KEYS);
  const vault = new HandleVault({ cache: scene.cache, codec: new VaultCodec({ encryptor }) });
  return { scene, vault, record: await scene.inline(), decrypted };
}

function expectWiped(decrypted: readonly Buffer[]): void {
  expect(decrypted.length).toBeGreaterThan(0);
  for (const plaintext of decrypted) expect(plaintext.includes(CANARY)).toBe(false);
}

describe("the plaintext of a head is overwritten", () => {
  const attempts: Readonly<Record<string, (vault: HandleVault, id: string) => Promise<unknown>>> = {
    "after the payload was handed out": (vault, id) => vault.unseal(id, OWNER),
    "when the caller is refused": (vault, id) => vault.unseal(id, "mallory"),
    "after a safe view": (vault, id) => vault.getSafeView(id),
    "after a description": (vault, id) => vault.describe(id, OWNER),
    "after a refused description": (vault, id) => vault.describe(id, "mallory"),
    "after a grant": (vault, id) => vault.grant(id, "auditor", { by: OWNER }),
    "after a refused grant": (vault, id) => vault.grant(id, "mallory", { by: "mallory" }),
    "after an invalidation": (vault, id) => vault.invalidate(id, OWNER),
  };

  for (const [when, attempt] of Object.entries(attempts)) {
    it(when, async () => {
      const { vault, record, decrypted } = await watched();
      await codeThrownBy(() => attempt(vault, record.handle.id));
      expectWiped(decrypted);
    });
  }

  it("when it is refused as an earlier state of itself", async () => {
    const { scene, vault, record, decrypted } = await watched();
    await vault.grant(record.handle.id, "auditor", { by: OWNER });
    await scene.cache.overwrite(record.lookupId, record);
    decrypted.length = 0;
    const code = await codeThrownBy(() => vault.unseal(record.handle.id, OWNER));
    expect(code).toBe(INTEGRITY);
    expectWiped(decrypted);
  });
});
