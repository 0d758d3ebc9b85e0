/** Keys from passphrases: scrypt (RFC 7914), its parameters kept by the caller as a PHC string. */
import { Buffer } from "node:buffer";
import { hash, randomBytes, scrypt } from "node:crypto";
import { KEY_BYTES } from "../primitives/aes-256-gcm.js";
import { checkInteger } from "../vault/checks.js";

const SALT_BYTES = 16;
const MIN_PASSPHRASE_CHARACTERS = 8;
const DEFAULT_LOG_COST = 17;
const BOUNDS = { logCost: [15, 20], blockSize: [8, 16], parallelism: [1, 4] } as const;
const PARAMS = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})$/;

/** The cost of deriving a key from a passphrase, and so of every guess at it. */
export interface PassphraseCost {
  /** Base-2 logarithm of scrypt's N, from 15 to 20: memory is 2^(this + 10) bytes. Default 17. */
  readonly logCost?: number | undefined;
}

/** Returns a PHC string with a fresh salt. */
export function passphraseParams({ logCost = DEFAULT_LOG_COST }: PassphraseCost): string {
  checkBounds("logCost", logCost);
  return `$scrypt$ln=${logCost},r=8,p=1$${toPhcBase64(randomBytes(SALT_BYTES))}`;
}

/** Returns an id for the key that these parameters give; it says nothing about the passphrase. */
export function passphraseKeyId(params: string): string {
  if (typeof params !== "string") throw new TypeError("params must be a string");
  return `passphrase-${hash("sha256", params).slice(0, 16)}`;
}

/** Returns the 32 bytes that scrypt derives, without blocking the event loop. */
export async function derivePassphraseKey(passphrase: string, params: string): Promise<Buffer> {
  if (typeof passphrase !== "string") throw new TypeError("passphrase must be a string");
  if (passphrase.length < MIN_PASSPHRASE_CHARACTERS) {
    throw new RangeError(`passphrase must have at least ${MIN_PASSPHRASE_CHARACTERS} characters`);
  }
  const { logCost, blockSize, parallelism, salt } = parseParams(params);
  const cost = 2 ** logCost;
  const maxmem = 2 * 128 * cost * blockSize;
  return new Promise((resolve, reject) => {
    scrypt(
      passphrase.normalize("NFKC"),
      salt,
      KEY_BYTES,
      { cost, blockSize, parallelization: parallelism, maxmem },
      (error, key) => (error === null ? resolve(key) : reject(error)),
    );
  });
}

/** PHC strings (https://github.com/P-H-C/phc-string-format) have base64 without padding. */
function toPhcBase64(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

function parseParams(params: string): {
  logCost: number;
  blockSize: number;
  parallelism: number;
  salt: Buffer;
} {
  const match = PARAMS.exec(params);
  if (match === null) {
    throw new TypeError("params must be a string from KeyRing.newPassphraseParams()");
  }
  const [logCost, blockSize, parallelism] = match.slice(1, 4).map(Number) as [
    number,
    number,
    number,
  ];
  checkBounds("logCost", logCost);
  checkBounds("blockSize", blockSize);
  checkBounds("parallelism", parallelism);
  return { logCost, blockSize, parallelism, salt: Buffer.from(match[4] ?? "", "base64") };
}

function checkBounds(name: keyof typeof BOUNDS, value: number): void {
  const [min, max] = BOUNDS[name];
  checkInteger(value, `params: ${name}`, { min, max });
}
