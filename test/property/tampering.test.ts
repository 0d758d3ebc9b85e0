import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aes256GcmEncryptor } from "../../src/codec/encryptor/aes-256-gcm.js";
import { fernetEncryptor, generateFernetKey } from "../../src/codec/encryptor/fernet.js";
import { plaintextEncryptor } from "../../src/codec/encryptor/plaintext.js";
import { KeyRing } from "../../src/keys/key-ring.js";
import type { EncryptionContext, Encryptor } from "../../src/vault/contracts.js";
import { codeThrownBy, INTEGRITY, KEY_NOT_FOUND } from "../support/refusals.js";

const encryptors: [string, Encryptor][] = [
  ["AES-256-GCM", aes256GcmEncryptor({ keys: KeyRing.ephemeral() })],
  ["Fernet", fernetEncryptor({ keys: [generateFernetKey()] })],
  ["the checksum of plaintext", plaintextEncryptor()],
];

const context: fc.Arbitrary<EncryptionContext> = fc.record({
  block: fc.constant("head" as const),
  version: fc.integer({ min: 0, max: 255 }),
  flags: fc.integer({ min: 0, max: 255 }),
  lookupId: fc.string({ unit: "grapheme-ascii", minLength: 43, maxLength: 43 }),
  tenant: fc.option(fc.string({ unit: "binary", minLength: 1, maxLength: 20 }), { nil: undefined }),
});

/** One way to alter bytes: overwrite, remove or insert some. */
const alteration = fc.record({
  at: fc.nat(),
  removed: fc.integer({ min: 0, max: 8 }),
  added: fc.uint8Array({ maxLength: 8 }),
});

describe.each(encryptors)("%s", (_, encryptor) => {
  it("opens its own ciphertexts, in their context", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), context, async (plaintext, given) => {
        const sealed = await encryptor.encrypt(plaintext, given);
        const opened = await encryptor.decrypt(sealed, { ...given });
        expect(Buffer.from(opened).equals(plaintext)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses every other context", async () => {
    await fc.assert(
      fc.asyncProperty(context, context, async (given, other) => {
        fc.pre(JSON.stringify(given) !== JSON.stringify(other));
        const sealed = await encryptor.encrypt(Buffer.from("payload"), given);
        expect(await codeThrownBy(() => encryptor.decrypt(sealed, other))).toBe(INTEGRITY);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses bytes altered in any way, with one of two codes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 50 }), alteration, async (plaintext, change) => {
        const sealed = Buffer.from(await encryptor.encrypt(plaintext));
        const at = change.at % (sealed.length + 1);
        const altered = Buffer.concat([
          sealed.subarray(0, at),
          change.added,
          sealed.subarray(Math.min(at + change.removed, sealed.length)),
        ]);
        fc.pre(!altered.equals(sealed));
        const code = await codeThrownBy(() => encryptor.decrypt(altered));
        expect([INTEGRITY, KEY_NOT_FOUND]).toContain(code);
      }),
      { numRuns: 1000 },
    );
  });

  it("refuses bytes that were never sealed, with one of two codes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        const code = await codeThrownBy(() => encryptor.decrypt(bytes));
        expect([INTEGRITY, KEY_NOT_FOUND]).toContain(code);
      }),
      { numRuns: 1000 },
    );
  });
});
