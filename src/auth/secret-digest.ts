/** Compares secrets without revealing them through timing or memory. */
import type { Buffer } from "node:buffer";
import {
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { isBytes, takeKey, trueBytes } from "../primitives/bytes.js";
import { isPublishedKey } from "./key-text.js";

const KEY_BYTES = 32;
/** The minimum number of characters in a secret: 32 of base64url are 192 bits. */
const MIN_SECRET_CHARACTERS = 32;
/** The maximum length of a secret, which bounds the cost of hashing one. */
export const MAX_SECRET_CHARACTERS = 1024;

// RFC 6750, section 2.1: the characters of a bearer token, which a header transmits unchanged.
const SECRET = /^[A-Za-z0-9._~+/-]+=*$/;

/** Throws unless `value` is a secret that is too long to guess, valid in a header, and not a public key. */
export function checkSecret(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string`);
  if (value.length < MIN_SECRET_CHARACTERS || value.length > MAX_SECRET_CHARACTERS) {
    throw new RangeError(
      `${name} must have ${MIN_SECRET_CHARACTERS} to ${MAX_SECRET_CHARACTERS} characters`,
    );
  }
  refusePublishedKey(value, name);
  if (!SECRET.test(value)) throw new RangeError(`${name} must have characters of RFC 6750 only`);
}

/** Returns a key for {@link digestOf}: from the given secret bytes, or random for this process. */
export function digestKey(bytes?: Uint8Array): KeyObject {
  if (bytes === undefined) return takeKey(randomBytes(KEY_BYTES));
  if (!isBytes(bytes)) throw new TypeError("key must be a Uint8Array");
  const given = trueBytes(bytes);
  if (given.length < KEY_BYTES) throw new RangeError(`key must have at least ${KEY_BYTES} bytes`);
  refusePublishedKey(given, "key");
  return createSecretKey(given);
}

function refusePublishedKey(value: Uint8Array | string, name: string): void {
  if (isPublishedKey(value)) {
    throw new TypeError(`${name} is a public key or certificate, not a secret`);
  }
}

/** Returns the HMAC-SHA-256 of a secret, which reveals nothing without the key. */
export function digestOf(secret: string, key: KeyObject): Buffer {
  return createHmac("sha256", key).update(secret, "utf8").digest();
}

/** Returns whether two digests are equal, in a time that does not depend on where they differ. */
export function isSameDigest(one: Buffer, other: Buffer): boolean {
  return timingSafeEqual(one, other);
}
