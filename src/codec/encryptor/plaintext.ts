import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { encodeContext } from "../../vault/context.js";
import type { EncryptionContext, Encryptor } from "../../vault/contracts.js";
import { RecordIntegrityError } from "../../vault/errors.js";

/**
 * Returns an encryptor that does not encrypt: everyone who can read the cache can read the payloads.
 *
 * It is for debugging, and for caches that are encrypted by other means. A checksum detects damage, but not
 * deliberate changes.
 */
export function plaintextEncryptor(): Encryptor {
  return {
    durable: true,
    encrypt: (plaintext, context) => Buffer.concat([checksum(plaintext, context), plaintext]),
    decrypt(ciphertext, context) {
      const plaintext = Buffer.from(ciphertext.subarray(CHECKSUM_BYTES));
      const expected = checksum(plaintext, context);
      const stored = ciphertext.subarray(0, CHECKSUM_BYTES);
      if (stored.length !== CHECKSUM_BYTES || !timingSafeEqual(stored, expected)) {
        throw new RecordIntegrityError();
      }
      return plaintext;
    },
  };
}

const CHECKSUM_BYTES = 32;

function checksum(plaintext: Uint8Array, context: EncryptionContext | undefined): Buffer {
  const bound = context === undefined ? Buffer.alloc(0) : encodeContext(context);
  return createHash("sha256")
    .update(Buffer.of(bound.length >> 8, bound.length))
    .update(bound)
    .update(plaintext)
    .digest();
}
