/** Derives keys from passphrases with scrypt (RFC 7914). The caller stores the parameters as a PHC string. */
import { Buffer } from "node:buffer";
import { hash, hkdfSync, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { KEY_BYTES } from "../primitives/aes-256-gcm.js";
import { checkInteger } from "../vault/checks.js";

const SALT_BYTES = 16;
const MIN_PASSPHRASE_CHARACTERS = 8;
const DEFAULT_LOG_COST = 17;
const BOUNDS = { logCost: [15, 20], blockSize: [8, 16], parallelism: [1, 4] } as const;
/**
 * Matches the cost and the salt, which determine the key, and the check value, which is in the place of a
 * hash in a PHC string.
 */
const PARAMS =
  /^(\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22}))(?:\$([A-Za-z0-9+/]{22}))?$/;
const CHECK_LABEL = "handlevault v1 passphrase check";
const CHECK_BYTES = 16;

/** The cost of deriving a key from a passphrase, which is also the cost of every guess. */
export interface PassphraseCost {
  /**
   * Base-2 logarithm of scrypt's N, from 15 to 20. The derivation uses 2^(logCost + 10) bytes of memory.
   * Default 17.
   */
  readonly logCost?: number | undefined;
}

/** A passphrase for which to make parameters. */
export interface NewPassphrase extends PassphraseCost {
  /** At least 8 characters. */
  readonly passphrase: string;
}

/** Returns a PHC string with a random salt and a check value that detects a wrong passphrase. */
export async function passphraseParams(options: NewPassphrase): Promise<string> {
  const { passphrase, logCost = DEFAULT_LOG_COST } = options;
  checkBounds("logCost", logCost);
  const params = `$scrypt$ln=${logCost},r=8,p=1$${toPhcBase64(randomBytes(SALT_BYTES))}`;
  const key = await derivePassphraseKey(passphrase, params);
  const check = toPhcBase64(checkOf(key));
  key.fill(0);
  return `${params}$${check}`;
}

/** Returns an id for the key of these parameters. It reveals nothing about the passphrase. */
export function passphraseKeyId(params: string): string {
  if (typeof params !== "string") throw new TypeError("params must be a string");
  // The check value does not affect the key, so it must not affect the id.
  const [, derivation = params] = PARAMS.exec(params) ?? [];
  return `passphrase-${hash("sha256", derivation).slice(0, 16)}`;
}

/**
 * Returns the 32 bytes that scrypt derives, without blocking the event loop.
 *
 * @throws TypeError The parameters have a check value, and the passphrase does not match it.
 */
export async function derivePassphraseKey(passphrase: string, params: string): Promise<Buffer> {
  if (typeof passphrase !== "string") throw new TypeError("passphrase must be a string");
  if (passphrase.length < MIN_PASSPHRASE_CHARACTERS) {
    throw new RangeError(`passphrase must have at least ${MIN_PASSPHRASE_CHARACTERS} characters`);
  }
  const { check, ...parsed } = parseParams(params);
  const key = await scryptKey(passphrase, parsed);
  if (check === undefined || timingSafeEqual(checkOf(key), check)) return key;
  key.fill(0);
  throw new TypeError("the passphrase is not the one that params were made for");
}

/** The inputs of the derivation besides the passphrase. */
interface Derivation {
  readonly logCost: number;
  readonly blockSize: number;
  readonly parallelism: number;
  readonly salt: Buffer;
}

function scryptKey(passphrase: string, derivation: Derivation): Promise<Buffer> {
  const { logCost, blockSize, parallelism: parallelization, salt } = derivation;
  const cost = 2 ** logCost;
  const options = { cost, blockSize, parallelization, maxmem: 2 * 128 * cost * blockSize };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFKC"), salt, KEY_BYTES, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/**
 * Returns the check value of a key. It reveals nothing about the key: HKDF-SHA-256 (RFC 5869) with a separate
 * label.
 */
function checkOf(key: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), CHECK_LABEL, CHECK_BYTES));
}

/** Returns base64 without padding, as PHC strings have it (https://github.com/P-H-C/phc-string-format). */
function toPhcBase64(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

function parseParams(params: string): Derivation & { readonly check: Buffer | undefined } {
  const match = PARAMS.exec(params);
  if (match === null) {
    throw new TypeError("params must be a string from KeyRing.newPassphraseParams()");
  }
  const [logCost, blockSize, parallelism] = match.slice(2, 5).map(Number) as [
    number,
    number,
    number,
  ];
  checkBounds("logCost", logCost);
  checkBounds("blockSize", blockSize);
  checkBounds("parallelism", parallelism);
  const check = match[6] === undefined ? undefined : Buffer.from(match[6], "base64");
  return { logCost, blockSize, parallelism, salt: Buffer.from(match[5] ?? "", "base64"), check };
}

function checkBounds(name: keyof typeof BOUNDS, value: number): void {
  const [min, max] = BOUNDS[name];
  checkInteger(value, `params: ${name}`, { min, max });
}
