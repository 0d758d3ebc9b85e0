/** The keys that verify tokens, and the algorithms that each key supports. */
import { createPublicKey, createSecretKey, KeyObject, type webcrypto } from "node:crypto";
import { isCryptoKey, isKeyObject } from "node:util/types";
import { isBytes, trueBytes } from "../primitives/bytes.js";
import { isPlainObject } from "../primitives/kinds.js";
import { isPublishedKey } from "./key-text.js";

/** A JSON Web Key of RFC 7517, public or secret. */
export interface JwtJsonWebKey {
  readonly kty?: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
  readonly [member: string]: unknown;
}

/** A set of public JSON Web Keys, selected by the `kid` that a token names. */
export interface JwtJsonWebKeySet {
  readonly keys: readonly JwtJsonWebKey[];
}

/** A key that can verify tokens: a public key, or a secret of 32 bytes or more. */
export type JwtKey =
  | KeyObject
  | webcrypto.CryptoKey
  | JwtJsonWebKey
  | JwtJsonWebKeySet
  | Uint8Array;

/** The properties that a key needs for an algorithm: RFC 7518, section 3.1, and RFC 8037. */
interface Need {
  readonly type: "rsa" | "ec" | "ed25519" | "secret";
  readonly curve?: string;
  readonly minBytes?: number;
}

const NEEDS: ReadonlyMap<string, Need> = new Map<string, Need>([
  ["EdDSA", { type: "ed25519" }],
  ["Ed25519", { type: "ed25519" }],
  ["ES256", { type: "ec", curve: "prime256v1" }],
  ["ES384", { type: "ec", curve: "secp384r1" }],
  ["ES512", { type: "ec", curve: "secp521r1" }],
  ["PS256", { type: "rsa" }],
  ["PS384", { type: "rsa" }],
  ["PS512", { type: "rsa" }],
  ["RS256", { type: "rsa" }],
  ["RS384", { type: "rsa" }],
  ["RS512", { type: "rsa" }],
  // RFC 7518, section 3.2: a key at least as long as the hash.
  ["HS256", { type: "secret", minBytes: 32 }],
  ["HS384", { type: "secret", minBytes: 48 }],
  ["HS512", { type: "secret", minBytes: 64 }],
]);
const MIN_RSA_BITS = 2048;
const MIN_SECRET_BYTES = 32;
const MAX_SET_KEYS = 100;

/** The algorithms with public keys. */
export const PUBLIC_KEY_ALGORITHMS: readonly string[] = [...NEEDS]
  .filter(([, { type }]) => type !== "secret")
  .map(([name]) => name);

/** The keys to verify with, and the algorithms that they may be used for. */
export interface CheckedKey {
  /** One key for every token, or a set of keys from which `kid` selects one. */
  readonly key: KeyObject | { readonly keys: readonly JwtJsonWebKey[] };
  readonly algorithms: readonly string[];
}

/**
 * Returns the key of an option after validation, and the algorithms that it supports.
 *
 * @throws TypeError The key is private, cannot verify, or is a public key given as the bytes of a secret.
 * @throws RangeError The key is too short.
 */
export function checkJwtKey(given: unknown): CheckedKey {
  if (isKeySet(given)) return { key: checkKeySet(given), algorithms: PUBLIC_KEY_ALGORITHMS };
  const key = keyObjectOf(given);
  const algorithms = [...NEEDS.keys()].filter((name) => serves(key, name) && allows(given, name));
  if (algorithms.length === 0) throw new TypeError("key serves no algorithm for tokens");
  return { key, algorithms };
}

function isKeySet(given: unknown): given is JwtJsonWebKeySet {
  return isPlain(given) && Array.isArray(given["keys"]);
}

function checkKeySet(given: JwtJsonWebKeySet): { keys: readonly JwtJsonWebKey[] } {
  // A key set contains only JSON values, and `structuredClone` is not available in every realm.
  const { keys } = JSON.parse(JSON.stringify({ keys: given.keys })) as JwtJsonWebKeySet;
  if (keys.length === 0 || keys.length > MAX_SET_KEYS) {
    throw new RangeError(`key.keys must have 1 to ${MAX_SET_KEYS} keys`);
  }
  for (const key of keys) {
    if (!isPlain(key)) throw new TypeError("key.keys must hold JSON Web Keys");
    if (keyObjectOf(key).type === "secret") throw new TypeError("key.keys must be public keys");
  }
  return { keys };
}

function keyObjectOf(given: unknown): KeyObject {
  const key = importedKey(given);
  if (key.type === "private") throw new TypeError("key must be a public key, not a private one");
  if (key.type === "secret") checkSecretKey(key);
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < MIN_RSA_BITS) {
    throw new RangeError(`key must have at least ${MIN_RSA_BITS} bits`);
  }
  return key;
}

function importedKey(given: unknown): KeyObject {
  if (isKeyObject(given)) return given;
  if (isCryptoKey(given)) return KeyObject.from(given);
  if (isBytes(given)) return createSecretKey(trueBytes(given));
  if (isPlain(given)) return keyOfJwk(given);
  throw new TypeError("key must be a KeyObject, a CryptoKey, a JSON Web Key (Set) or bytes");
}

/** Reads only the members of a JSON Web Key that are needed, and never the private ones. */
function keyOfJwk(jwk: Record<string, unknown>): KeyObject {
  if (jwk["d"] !== undefined) throw new TypeError("key must be a public key, not a private one");
  try {
    if (jwk["kty"] === "oct") return createSecretKey(String(jwk["k"]), "base64url");
    return createPublicKey({ key: { ...jwk }, format: "jwk" });
  } catch {
    // Node's own message can name members of the key, so it is replaced.
    throw new TypeError("key is not a JSON Web Key that can verify");
  }
}

/** With a public key as the secret, attackers could sign HS256 tokens with a key that is not secret. */
function checkSecretKey(key: KeyObject): void {
  const bytes = key.export();
  try {
    if (bytes.length < MIN_SECRET_BYTES) {
      throw new RangeError(`key must have at least ${MIN_SECRET_BYTES} bytes`);
    }
    if (isPublishedKey(bytes)) {
      throw new TypeError("key is a public key or certificate, not a secret: use createPublicKey");
    }
  } finally {
    bytes.fill(0);
  }
}

function serves(key: KeyObject, algorithm: string): boolean {
  const need = NEEDS.get(algorithm);
  if (need === undefined || (key.asymmetricKeyType ?? key.type) !== need.type) return false;
  const isLongEnough = (key.symmetricKeySize ?? 0) >= (need.minBytes ?? 0);
  return isLongEnough && key.asymmetricKeyDetails?.namedCurve === need.curve;
}

/** RFC 7517, section 4: the members that restrict the use of a JSON Web Key. */
function allows(given: unknown, algorithm: string): boolean {
  if (!isPlain(given)) return true;
  const { alg, use, key_ops: operations } = given as JwtJsonWebKey;
  const isForSignatures = use === undefined || use === "sig";
  const mayVerify = operations === undefined || operations.includes("verify");
  return isForSignatures && mayVerify && (alg === undefined || alg === algorithm);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && isPlainObject(value);
}
