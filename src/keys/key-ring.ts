/**
 * The keys that data keys are wrapped under: one current, any number of older ones.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import {
  decryptAes256Gcm,
  encryptAes256Gcm,
  KEY_BYTES,
  NONCE_BYTES,
  TAG_BYTES,
} from "../primitives/aes-256-gcm.js";
import { isBytes, ownCopy, takeKey } from "../primitives/bytes.js";
import { randomHex } from "../primitives/random-pool.js";
import { checkKeyId } from "../vault/checks.js";
import type { KeyProvider, WrappedKey } from "../vault/contracts.js";
import { KeyNotFoundError, RecordIntegrityError } from "../vault/errors.js";
import {
  derivePassphraseKey,
  type PassphraseCost,
  passphraseKeyId,
  passphraseParams,
} from "./passphrase.js";

const KEY_TEXT = /^[A-Za-z0-9_-]{43}$/;
const SALT_BYTES = 24;
const WRAPPED_BYTES: number = SALT_BYTES + KEY_BYTES + TAG_BYTES;
const WRAP_LABEL = "handlevault v1 key wrap";
const MAX_KEY_FILE_BYTES = 65_536;

/** A 256-bit key: 32 bytes, or the text that {@link KeyRing.generateKey} gives. */
export type KeyMaterial = Uint8Array | string;

/** The keys of a ring. */
export interface KeyRingOptions {
  /** The id of the key that new records are encrypted under. */
  readonly current: string;
  /** Every key by its id; an id has 1 to 64 characters of `A-Z a-z 0-9 . _ -`. */
  readonly keys: Readonly<Record<string, KeyMaterial>>;
}

/** A passphrase, and the parameters kept beside it. */
export interface PassphraseOptions {
  /** At least 8 characters. */
  readonly passphrase: string;
  /** From {@link KeyRing.newPassphraseParams}; keep it: another value gives another key. */
  readonly params: string;
}

/**
 * Holds one current key, which encrypts, and older keys, which only decrypt.
 *
 * @example
 * Rotate without losing what is sealed.
 * ```ts
 * const ring = KeyRing.fromEnv("VAULT_KEYS");
 * ring.rotate("2026-12", KeyRing.generateKey());
 * const { failed, keyUsage } = await vault.rewrap();
 * if (failed === 0 && keyUsage["2026-11"] === undefined) ring.remove("2026-11");
 * ```
 */
export class KeyRing implements KeyProvider {
  readonly #keys = new Map<string, KeyObject>();
  readonly #durable: boolean;
  #currentKeyId: string;
  #epoch = 0;

  private constructor(currentKeyId: string, durable: boolean) {
    this.#currentKeyId = currentKeyId;
    this.#durable = durable;
  }

  /** Returns a ring with one random key that dies with this process. */
  static ephemeral(): KeyRing {
    const id = `ephemeral-${randomHex(8)}`;
    return KeyRing.#taking(id, randomBytes(KEY_BYTES), false);
  }

  /**
   * Returns a ring with the given keys, which it copies.
   *
   * @throws TypeError A key is neither bytes nor text, or `current` is not among the keys.
   * @throws RangeError A key is not 256 bits long, or an id has another form.
   */
  static from(options: KeyRingOptions): KeyRing {
    return KeyRing.#of(options, true);
  }

  /**
   * Returns a ring with the keys in an environment variable: `id:key`, comma-separated, the current
   * one first.
   *
   * @throws TypeError The variable is not set or is not such a list.
   * @throws RangeError A key is not 256 bits long, or an id has another form.
   */
  static fromEnv(name: string): KeyRing {
    const text = process.env[name];
    if (text === undefined || text === "") {
      throw new TypeError("KeyRing.fromEnv: the environment variable is not set");
    }
    return KeyRing.#of(parseKeyList(text, "KeyRing.fromEnv"), true);
  }

  /**
   * Returns a ring with the keys in a file: `id:key`, one a line, the current one first; `#` starts
   * a comment line.
   *
   * @throws TypeError The file cannot be opened, is over 64 KiB or not such a list, or others than its
   *   owner can read it.
   * @throws RangeError A key is not 256 bits long, or an id has another form.
   */
  static async fromFile(path: string): Promise<KeyRing> {
    return KeyRing.#of(parseKeyList(await readPrivateFile(path), "KeyRing.fromFile"), true);
  }

  /**
   * Returns a ring with a key derived from a passphrase by scrypt (RFC 7914), off the main thread.
   *
   * The passphrase is normalised (Unicode NFKC), so that it does not matter how it was typed.
   *
   * @throws TypeError `params` is not from {@link KeyRing.newPassphraseParams}.
   * @throws RangeError The passphrase is too short, or the cost in `params` is out of bounds.
   */
  static async fromPassphrase(options: PassphraseOptions): Promise<KeyRing> {
    const id = passphraseKeyId(options.params);
    const key = await derivePassphraseKey(options.passphrase, options.params);
    return KeyRing.#taking(id, key, true);
  }

  /**
   * Returns fresh parameters for {@link KeyRing.fromPassphrase}: a random salt and the cost, as a
   * PHC string. They are not secret.
   */
  static newPassphraseParams(cost: PassphraseCost = {}): string {
    return passphraseParams(cost);
  }

  /** Returns a random 256-bit key as 43 characters of base64url. */
  static generateKey(): string {
    return randomBytes(KEY_BYTES).toString("base64url");
  }

  /** Returns a ring of one key, whose bytes nobody else needs and which are overwritten. */
  static #taking(id: string, key: Buffer, durable: boolean): KeyRing {
    try {
      return KeyRing.#of({ current: id, keys: { [id]: key } }, durable);
    } finally {
      key.fill(0);
    }
  }

  static #of(options: KeyRingOptions, durable: boolean): KeyRing {
    const ring = new KeyRing(options.current, durable);
    for (const [id, key] of Object.entries(options.keys)) ring.#add(id, key);
    if (!ring.#keys.has(options.current)) {
      throw new TypeError("current must be the id of one of the keys");
    }
    return ring;
  }

  get durable(): boolean {
    return this.#durable;
  }

  get currentKeyId(): string {
    return this.#currentKeyId;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The ids of all keys, the current one among them. */
  get keyIds(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /**
   * Adds a key and makes it the current one; the others go on decrypting.
   *
   * @throws RangeError The id is taken.
   */
  rotate(keyId: string, key: KeyMaterial): void {
    if (this.#keys.has(keyId))
      throw new RangeError("keyId is taken: give every key an id of its own");
    this.#add(keyId, key);
    this.#currentKeyId = keyId;
    this.#epoch += 1;
  }

  /**
   * Forgets an older key: what is still wrapped under it can never be read again. Do so only once
   * no process seals under it any more and `rewrap` finds nothing that uses it.
   *
   * @returns Whether the ring had it.
   * @throws RangeError It is the current key.
   */
  remove(keyId: string): boolean {
    if (keyId === this.#currentKeyId)
      throw new RangeError("keyId is the current key: rotate first");
    const removed = this.#keys.delete(keyId);
    if (removed) this.#epoch += 1;
    return removed;
  }

  /**
   * Wraps a data key under the current key.
   *
   * Every wrap has a key and nonce of its own, derived by HKDF-SHA-256 (RFC 5869) from 192 random
   * bits, so that the ring's keys have no budget of nonces to run out of.
   */
  wrap(dataKey: Uint8Array): WrappedKey {
    const keyId = this.#currentKeyId;
    const salt = randomBytes(SALT_BYTES);
    const { key, nonce, associatedData } = this.#wrappingKey(keyId, salt);
    const { ciphertext, tag } = encryptAes256Gcm(key, nonce, dataKey, associatedData);
    key.fill(0);
    return { keyId, wrapped: Buffer.concat([salt, ciphertext, tag]) };
  }

  unwrap({ keyId, wrapped }: WrappedKey): Uint8Array {
    if (!this.#keys.has(keyId)) throw new KeyNotFoundError();
    if (wrapped.length !== WRAPPED_BYTES) throw new RecordIntegrityError();
    const salt = wrapped.subarray(0, SALT_BYTES);
    const ciphertext = wrapped.subarray(SALT_BYTES, SALT_BYTES + KEY_BYTES);
    const tag = wrapped.subarray(SALT_BYTES + KEY_BYTES);
    const { key, nonce, associatedData } = this.#wrappingKey(keyId, salt);
    const dataKey = decryptAes256Gcm(key, nonce, { ciphertext, tag }, associatedData);
    key.fill(0);
    if (dataKey === undefined) throw new RecordIntegrityError();
    return dataKey;
  }

  #wrappingKey(
    keyId: string,
    salt: Uint8Array,
  ): { key: Buffer; nonce: Buffer; associatedData: Buffer } {
    const ringKey = this.#keys.get(keyId);
    if (ringKey === undefined) throw new KeyNotFoundError();
    const associatedData = Buffer.from(keyId, "latin1");
    const derived = Buffer.from(
      hkdfSync("sha256", ringKey, salt, WRAP_LABEL, KEY_BYTES + NONCE_BYTES),
    );
    return {
      key: derived.subarray(0, KEY_BYTES),
      nonce: derived.subarray(KEY_BYTES),
      associatedData,
    };
  }

  #add(id: string, material: KeyMaterial): void {
    checkKeyId(id, "a key id");
    this.#keys.set(id, toKeyObject(material));
  }
}

function toKeyObject(material: KeyMaterial): KeyObject {
  if (typeof material !== "string" && !isBytes(material)) {
    throw new TypeError("a key must be 32 bytes, or text from KeyRing.generateKey()");
  }
  if (typeof material === "string" && !KEY_TEXT.test(material)) {
    throw new RangeError("a key as text must be 43 characters of base64url");
  }
  const bytes =
    typeof material === "string" ? Buffer.from(material, "base64url") : ownCopy(material);
  if (bytes.length !== KEY_BYTES) throw new RangeError("a key must be 32 bytes (256 bits)");
  return takeKey(bytes);
}

function parseKeyList(text: string, source: string): KeyRingOptions {
  const entries = text
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .flatMap((line) => line.split(","))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry) => entry.split(":"));
  const keys: Record<string, string> = Object.create(null);
  for (const [id, key, ...rest] of entries) {
    if (id === undefined || key === undefined || rest.length > 0 || id in keys) {
      throw new TypeError(`${source}: expected distinct entries of the form id:key`);
    }
    keys[id] = key;
  }
  const current = entries[0]?.[0];
  if (current === undefined) throw new TypeError(`${source}: expected at least one id:key`);
  return { current, keys };
}

/** Reads a small file, and only one that nobody but its owner can read. */
async function readPrivateFile(path: string): Promise<string> {
  // Without O_NONBLOCK, opening a named pipe would wait for somebody to write to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => {
    // Node's own error would carry the path.
    throw new TypeError("KeyRing.fromFile: the key file cannot be opened");
  });
  try {
    const stats = await file.stat();
    const { mode, size } = stats;
    if (!stats.isFile()) throw new TypeError("KeyRing.fromFile: the key file is not a file");
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      throw new TypeError("KeyRing.fromFile: others can read the key file; make its mode 0600");
    }
    if (size > MAX_KEY_FILE_BYTES)
      throw new TypeError("KeyRing.fromFile: the key file is too large");
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}
