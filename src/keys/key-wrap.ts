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
import type { KeyContext, WrappedKey } from "../vault/contracts.js";
import { RecordIntegrityError } from "../vault/errors.js";

const SALT_BYTES = 24;
const WRAPPED_BYTES: number = SALT_BYTES + KEY_BYTES + TAG_BYTES;
const WRAP_LABEL = "handlevault v1 key wrap";
const PURPOSE = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * The context of records. Their wrapped keys are bound to the id of the key alone: the record itself is bound to its
 * tenant, as version 1 of the format has it.
 */
export const RECORD_KEYS: KeyContext = { purpose: "record" };

/**
 * Wraps a data key under a key, bound to the key's id and, for other purposes than records, to the context.
 *
 * Every wrap uses its own key and nonce, derived by HKDF-SHA-256 (RFC 5869) from 192 random bits, so that a key
 * has no limit on the number of wraps.
 */
export function wrapUnder(
  { key, keyId }: NamedKey,
  dataKey: Uint8Array,
  context: KeyContext,
): WrappedKey {
  const salt = randomBytes(SALT_BYTES);
  const { wrappingKey, nonce, associatedData } = derive({ key, keyId }, salt, context);
  const { ciphertext, tag } = encryptAes256Gcm(wrappingKey, nonce, dataKey, associatedData);
  wrappingKey.fill(0);
  return { keyId, wrapped: Buffer.concat([salt, ciphertext, tag]) };
}

/**
 * Returns the data key of {@link wrapUnder}.
 *
 * @throws RecordIntegrityError It was not wrapped under this key and for this context.
 */
export function unwrapUnder(
  key: KeyObject,
  { keyId, wrapped }: WrappedKey,
  context: KeyContext,
): Uint8Array {
  if (wrapped.length !== WRAPPED_BYTES) throw new RecordIntegrityError();
  const salt = wrapped.subarray(0, SALT_BYTES);
  const ciphertext = wrapped.subarray(SALT_BYTES, SALT_BYTES + KEY_BYTES);
  const tag = wrapped.subarray(SALT_BYTES + KEY_BYTES);
  const { wrappingKey, nonce, associatedData } = derive({ key, keyId }, salt, context);
  const dataKey = decryptAes256Gcm(wrappingKey, nonce, { ciphertext, tag }, associatedData);
  wrappingKey.fill(0);
  if (dataKey === undefined) throw new RecordIntegrityError();
  return dataKey;
}

/** A key and its id. */
interface NamedKey {
  readonly key: KeyObject;
  readonly keyId: string;
}

function derive(
  { key, keyId }: NamedKey,
  salt: Uint8Array,
  context: KeyContext,
): {
  readonly wrappingKey: Buffer;
  readonly nonce: Buffer;
  readonly associatedData: Buffer;
} {
  const { label, associatedData } = boundTo(keyId, context);
  const derived = Buffer.from(hkdfSync("sha256", key, salt, label, KEY_BYTES + NONCE_BYTES));
  return {
    wrappingKey: derived.subarray(0, KEY_BYTES),
    nonce: derived.subarray(KEY_BYTES),
    associatedData,
  };
}

/** Returns what a wrapped key is bound to: the label of its purpose, and the context. */
function boundTo(
  keyId: string,
  { purpose, tenant, version }: KeyContext,
): { readonly label: string; readonly associatedData: Buffer } {
  if (purpose === RECORD_KEYS.purpose) {
    return { label: WRAP_LABEL, associatedData: Buffer.from(keyId, "latin1") };
  }
  if (!PURPOSE.test(purpose)) {
    throw new RangeError("purpose must be a lower-case name of at most 32 characters");
  }
  // JSON separates the parts, so that two contexts have never the same bytes.
  const parts = JSON.stringify([keyId, purpose, tenant ?? null, version ?? null]);
  return { label: `${WRAP_LABEL} for ${purpose}`, associatedData: Buffer.from(parts, "utf8") };
}
