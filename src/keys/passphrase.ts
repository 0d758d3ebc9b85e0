/** Keys from passphrases: scrypt (RFC 7914), its parameters kept by the caller as a PHC string. */
import { Buffer } from "node:buffer";
import { hash, hkdfSync, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { KEY_BYTES } from "../primitives/aes-256-gcm.js";
import { checkInteger } from "../vault/checks.js";

const SALT_BYTES = 16;
const MIN_PASSPHRASE_CHARACTERS = 8;
const DEFAULT_LOG_COST = 17;
const BOUNDS = { logCost: [15, 20], blockSize: [8, 16], parallelism: [1, 4] } as const;
/** Cost and salt, which the key follows from; and the check, where a hash stands in a PHC string. */
const PARAMS =
  /^(\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22}))(?:\$([A-Za-z0-9+/]{22}))?$/;
const CHECK_LABEL = "handlevault v1 passphrase check";
const CHECK_BYTES = 16;

/** The cost of deriving a key from a passphrase, and so of every guess at it. */
export interface PassphraseCost {
  /** Base-2 logarithm of scrypt's N, from 15 to 20: memory is 2^(this + 10) bytes. Default 17. */
  readonly logCost?: number | undefined;
}

/** A passphrase that parameters are made for. */
export interface NewPassphrase extends PassphraseCost {
  /** At least 8 characters. */
  readonly passphrase: string;
}

/** Returns a PHC string with a fresh salt, and a check that tells other passphrases. */
export async function passphraseParams(options: NewPassphrase): Promise<string> {
  const { passphrase, logCost = DEFAULT_LOG_COST } = options;
  checkBounds("logCost", logCost);
  const params = `$scrypt$ln=${logCost},r=8,p=1$${toPhcBase64(randomBytes(SALT_BYTES))}`;
  const key = await derivePassphraseKey(passphrase, params);
  const check = toPhcBase64(checkOf(key));
  key.fill(0);
  return `${params}$${check}`;
}

/** Returns an id for the key that these parameters give; it says nothing about the passphrase. */
export function passphraseKeyId(params: string): string {
  if (typeof params !== "string") throw new TypeError("params must be a string");
  // Parameters with a check give the same key as those without it.
  const [, derivation = params] = PARAMS.exec(params) ?? [];
  return `passphrase-${hash("sha256", derivation).slice(0, 16)}`;
}

/**
 * Returns the 32 bytes that scrypt derives, without blocking the event loop.
 *
 * @throws TypeError The parameters have a check, and the passphrase is another one.
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

/** What a key is derived from, besides the passphrase. */
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

/** Says nothing of the key: HKDF-SHA-256 (RFC 5869) under a label of its own. */
function checkOf(key: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), CHECK_LABEL, CHECK_BYTES));
}

/** PHC strings (https://github.com/P-H-C/phc-string-format) have base64 without padding. */
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
