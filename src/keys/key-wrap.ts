/** Wraps data keys under the keys of this library. */
import { Buffer } from "node:buffer";
import { hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import {
  decryptAes256Gcm,
  encryptAes256Gcm,
  KEY_BYTES,
  NONCE_BYTES,
  TAG_BYTES,
} from "../primitives/aes-256-gcm.js";
import type { WrappedKey } from "../vault/contracts.js";
import { RecordIntegrityError } from "../vault/errors.js";

const SALT_BYTES = 24;
const WRAPPED_BYTES: number = SALT_BYTES + KEY_BYTES + TAG_BYTES;
const WRAP_LABEL = "handlevault v1 key wrap";

/**
 * Wraps a data key under a key, bound to the key's id.
 *
 * Every wrap uses its own key and nonce, derived by HKDF-SHA-256 (RFC 5869) from 192 random bits, so that a key
 * has no limit on the number of wraps.
 */
export function wrapUnder(key: KeyObject, keyId: string, dataKey: Uint8Array): WrappedKey {
  const salt = randomBytes(SALT_BYTES);
  const { wrappingKey, nonce, associatedData } = derive(key, keyId, salt);
  const { ciphertext, tag } = encryptAes256Gcm(wrappingKey, nonce, dataKey, associatedData);
  wrappingKey.fill(0);
  return { keyId, wrapped: Buffer.concat([salt, ciphertext, tag]) };
}

/** Returns the data key of {@link wrapUnder}. @throws RecordIntegrityError It was not wrapped under this key. */
export function unwrapUnder(key: KeyObject, { keyId, wrapped }: WrappedKey): Uint8Array {
  if (wrapped.length !== WRAPPED_BYTES) throw new RecordIntegrityError();
  const salt = wrapped.subarray(0, SALT_BYTES);
  const ciphertext = wrapped.subarray(SALT_BYTES, SALT_BYTES + KEY_BYTES);
  const tag = wrapped.subarray(SALT_BYTES + KEY_BYTES);
  const { wrappingKey, nonce, associatedData } = derive(key, keyId, salt);
  const dataKey = decryptAes256Gcm(wrappingKey, nonce, { ciphertext, tag }, associatedData);
  wrappingKey.fill(0);
  if (dataKey === undefined) throw new RecordIntegrityError();
  return dataKey;
}

function derive(
  key: KeyObject,
  keyId: string,
  salt: Uint8Array,
): {
  readonly wrappingKey: Buffer;
  readonly nonce: Buffer;
  readonly associatedData: Buffer;
} {
  const derived = Buffer.from(hkdfSync("sha256", key, salt, WRAP_LABEL, KEY_BYTES + NONCE_BYTES));
  return {
    wrappingKey: derived.subarray(0, KEY_BYTES),
    nonce: derived.subarray(KEY_BYTES),
    associatedData: Buffer.from(keyId, "latin1"),
  };
}
