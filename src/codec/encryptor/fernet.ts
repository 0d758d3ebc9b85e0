/**
 * Fernet tokens (https://github.com/fernet/spec): AES-128-CBC with HMAC-SHA-256.
 *
 * They are for payloads that are shared with systems that use Fernet. The default encryptor is faster, has
 * longer keys and supports rewrapping.
 *
 * @module
 */
import { Buffer, constants } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { asBuffer, takeKey } from "../../primitives/bytes.js";
import { checkOptions, checkTtlSeconds } from "../../vault/checks.js";
import { monotonicClock } from "../../vault/clock.js";
import { encodeContext } from "../../vault/context.js";
import type { Clock, EncryptionContext, Encryptor } from "../../vault/contracts.js";
import { PayloadTooLargeError, RecordIntegrityError } from "../../vault/errors.js";

const CIPHER = "aes-128-cbc";
const VERSION = 0x80;
const KEY_BYTES = 32;
const HALF_KEY_BYTES = 16;
const IV_AT = 9;
const BLOCK_BYTES = 16;
const CIPHERTEXT_AT: number = IV_AT + BLOCK_BYTES;
const MAC_BYTES = 32;
const CONTEXT_BYTES = 32;
const MAX_CLOCK_SKEW_SECONDS = 60;
const OPTIONS: ReadonlySet<string> = new Set(["keys", "maxAgeSeconds", "clock"]);
const BASE64URL = /^[A-Za-z0-9_-]*={0,2}$/;

/** Options of {@link fernetEncryptor}. */
export interface FernetOptions {
  /** Keys from {@link generateFernetKey}: the first one encrypts, all of them decrypt. */
  readonly keys: readonly string[];
  /** The greatest age of a token by its own timestamp, in seconds; no limit when absent. */
  readonly maxAgeSeconds?: number | undefined;
  /** The clock for timestamps. Default: the system's clock. */
  readonly clock?: Clock | undefined;
}

interface FernetKey {
  readonly signing: KeyObject;
  readonly encryption: KeyObject;
}

/** Returns a new Fernet key: 256 random bits in padded base64url. */
export function generateFernetKey(): string {
  return toBase64Url(randomBytes(KEY_BYTES));
}

/**
 * Returns an encryptor that makes and opens Fernet tokens.
 *
 * - Fernet has no associated data. In a vault, the plaintext of a token therefore starts with the SHA-256 of
 *   the record's context, which is checked. Without a context the tokens are plain Fernet.
 * - A token does not name its key, so all keys are tried in turn, and there is no `rewrap`.
 * - Use the keys of a vault for nothing else: someone who can have chosen bytes encrypted under them can
 *   forge records.
 *
 * @throws TypeError A key is not 32 bytes of padded base64url.
 */
export function fernetEncryptor(options: FernetOptions): Encryptor {
  checkOptions(options, "fernetEncryptor options", OPTIONS);
  const { maxAgeSeconds } = options;
  if (!Array.isArray(options.keys)) throw new TypeError("keys must be an array of strings");
  if (maxAgeSeconds !== undefined) checkTtlSeconds(maxAgeSeconds, "maxAgeSeconds");
  const keys = options.keys.map(parseKey);
  const [current] = keys;
  if (current === undefined) throw new RangeError("keys must hold at least one key");
  const clock = monotonicClock(options.clock ?? { now: () => Date.now() });
  const seconds = () => Math.floor(clock.now() / 1000);
  return {
    durable: true,
    encrypt(plaintext, context) {
      if (context === undefined) return makeToken(current, plaintext, seconds());
      const bound = Buffer.concat([digest(context), plaintext]);
      try {
        return makeToken(current, bound, seconds());
      } finally {
        bound.fill(0);
      }
    },
    decrypt(ciphertext, context) {
      const token = parseToken(
        withinText(ciphertext.length, () => asBuffer(ciphertext).toString("latin1")),
      );
      checkTime(token, seconds(), maxAgeSeconds);
      const key = keys.find((candidate) => isSignedBy(candidate, token));
      if (key === undefined) throw new RecordIntegrityError();
      const plaintext = decryptToken(key, token);
      return context === undefined ? plaintext : unbind(plaintext, context);
    },
  };
}

function parseKey(text: string): FernetKey {
  const bytes = typeof text === "string" ? fromBase64Url(text) : undefined;
  if (bytes?.length !== KEY_BYTES) {
    throw new TypeError(
      "a Fernet key must be 32 bytes of padded base64url, from generateFernetKey()",
    );
  }
  return {
    signing: takeKey(bytes.subarray(0, HALF_KEY_BYTES)),
    encryption: takeKey(bytes.subarray(HALF_KEY_BYTES)),
  };
}

function makeToken(key: FernetKey, plaintext: Uint8Array, seconds: number): Buffer {
  const iv = randomBytes(BLOCK_BYTES);
  const cipher = createCipheriv(CIPHER, key.encryption, iv);
  const start = Buffer.alloc(IV_AT);
  start[0] = VERSION;
  start.writeBigUInt64BE(BigInt(seconds), 1);
  const signed = Buffer.concat([start, iv, cipher.update(plaintext), cipher.final()]);
  return Buffer.from(toBase64Url(Buffer.concat([signed, sign(key, signed)])), "latin1");
}

/** Returns the bytes of a token, after checking their structure: version, time, IV, whole blocks, MAC. */
function parseToken(text: string): Buffer {
  const token = fromBase64Url(text);
  if (token === undefined || token[0] !== VERSION) throw new RecordIntegrityError();
  const ciphertextBytes = token.length - CIPHERTEXT_AT - MAC_BYTES;
  if (ciphertextBytes < BLOCK_BYTES || ciphertextBytes % BLOCK_BYTES !== 0) {
    throw new RecordIntegrityError();
  }
  return token;
}

function checkTime(token: Buffer, nowSeconds: number, maxAgeSeconds: number | undefined): void {
  const madeAtSeconds = Number(token.readBigUInt64BE(1));
  const fromFuture = madeAtSeconds > nowSeconds + MAX_CLOCK_SKEW_SECONDS;
  const tooOld = maxAgeSeconds !== undefined && madeAtSeconds + maxAgeSeconds < nowSeconds;
  if (maxAgeSeconds !== undefined && (fromFuture || tooOld)) throw new RecordIntegrityError();
}

function isSignedBy(key: FernetKey, token: Buffer): boolean {
  const macAt = token.length - MAC_BYTES;
  return timingSafeEqual(sign(key, token.subarray(0, macAt)), token.subarray(macAt));
}

function decryptToken(key: FernetKey, token: Buffer): Buffer {
  const decipher = createDecipheriv(CIPHER, key.encryption, token.subarray(IV_AT, CIPHERTEXT_AT));
  const start = decipher.update(token.subarray(CIPHERTEXT_AT, token.length - MAC_BYTES));
  try {
    return Buffer.concat([start, decipher.final()]);
  } catch {
    throw new RecordIntegrityError();
  } finally {
    start.fill(0);
  }
}

function sign(key: FernetKey, signed: Uint8Array): Buffer {
  return createHmac("sha256", key.signing).update(signed).digest();
}

function digest(context: EncryptionContext): Buffer {
  return createHash("sha256").update(encodeContext(context)).digest();
}

function unbind(plaintext: Buffer, context: EncryptionContext): Buffer {
  const stored = plaintext.subarray(0, CONTEXT_BYTES);
  if (stored.length !== CONTEXT_BYTES || !timingSafeEqual(stored, digest(context))) {
    plaintext.fill(0);
    throw new RecordIntegrityError();
  }
  return plaintext.subarray(CONTEXT_BYTES);
}

/** Decodes padded base64url. Returns `undefined` unless it is canonical. */
function fromBase64Url(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !BASE64URL.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  return toBase64Url(bytes) === text ? bytes : undefined;
}

function toBase64Url(bytes: Buffer): string {
  const characters = Math.ceil(bytes.length / 3) * 4;
  return withinText(characters, () => bytes.toString("base64url")).padEnd(characters, "=");
}

/** Throws if a token, which is a third longer than its bytes, would exceed the longest string of V8. */
function withinText(characters: number, text: () => string): string {
  if (characters > constants.MAX_STRING_LENGTH) throw new PayloadTooLargeError();
  return text();
}
