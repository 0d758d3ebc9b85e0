/**
 * AES-256-GCM (NIST SP 800-38D) with 96-bit nonces and 128-bit tags, and no other lengths.
 *
 * Every ciphertext of the library is made and opened by the two functions here. The tag length is
 * always given: Node would otherwise accept a tag cut down to four bytes.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

/** Length of a key, in bytes. */
export const KEY_BYTES = 32;
/** Length of a nonce, in bytes. */
export const NONCE_BYTES = 12;
/** Length of an authentication tag, in bytes. */
export const TAG_BYTES = 16;

const CIPHER = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/** A key in either of the forms that Node's ciphers take. */
export type AesKey = KeyObject | Uint8Array;

/** What one encryption gives: as many bytes as the plaintext had, and a tag of 16. */
export interface Encrypted {
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** Encrypts `plaintext`, text as UTF-8; the nonce must never have been used with this key before. */
export function encryptAes256Gcm(
  key: AesKey,
  nonce: Uint8Array,
  plaintext: Uint8Array | string,
  associatedData?: Uint8Array,
): Encrypted {
  const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
  if (associatedData !== undefined) cipher.setAAD(associatedData);
  const ciphertext =
    typeof plaintext === "string" ? cipher.update(plaintext, "utf8") : cipher.update(plaintext);
  cipher.final();
  return { ciphertext, tag: cipher.getAuthTag() };
}

/** Decrypts `ciphertext`, or returns `undefined` when key, nonce, data or tag do not belong together. */
export function decryptAes256Gcm(
  key: AesKey,
  nonce: Uint8Array,
  encrypted: { readonly ciphertext: Uint8Array; readonly tag: Uint8Array },
  associatedData?: Uint8Array,
): Buffer | undefined {
  if (encrypted.tag.length !== TAG_BYTES || nonce.length !== NONCE_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS);
  if (associatedData !== undefined) decipher.setAAD(associatedData);
  decipher.setAuthTag(encrypted.tag);
  const plaintext = decipher.update(encrypted.ciphertext);
  try {
    decipher.final();
  } catch {
    // OpenSSL hands the plaintext out before it checks the tag: nobody may see it.
    plaintext.fill(0);
    return undefined;
  }
  return plaintext;
}
