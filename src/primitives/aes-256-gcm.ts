/**
 * AES-256-GCM (NIST SP 800-38D) with 96-bit nonces and 128-bit tags, and no other lengths.
 *
 * These two functions make and open every AES-GCM ciphertext of the library. They always pass the tag
 * length, because Node would otherwise accept a tag truncated to four bytes.
 */
import type { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

/** Length of a key, in bytes. */
export const KEY_BYTES = 32;
/** Length of a nonce, in bytes. */
export const NONCE_BYTES = 12;
/** Length of an authentication tag, in bytes. */
export const TAG_BYTES = 16;

const CIPHER = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/** A key in one of the forms that Node's ciphers accept. */
export type AesKey = KeyObject | Uint8Array;

/** The result of an encryption: a ciphertext as long as the plaintext, and a tag of 16 bytes. */
export interface Encrypted {
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** Encrypts `plaintext`, a string as UTF-8. The nonce must never have been used with this key before. */
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

/** Decrypts a ciphertext. Returns `undefined` if key, nonce, associated data or tag do not match it. */
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
    // OpenSSL returns the plaintext before it checks the tag: wipe what failed the check.
    plaintext.fill(0);
    return undefined;
  }
  return plaintext;
}
