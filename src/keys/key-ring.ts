/**
 * The keys that data keys are wrapped under: one current, any number of older ones.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type KeyObject, randomBytes, randomInt } from "node:crypto";
import { KEY_BYTES } from "../primitives/aes-256-gcm.js";
import { isBytes, ownCopy, takeKey } from "../primitives/bytes.js";
import { checkBoolean, checkKeyId, checkOptions } from "../vault/checks.js";
import type { KeyContext, KeyProvider, WrappedKey } from "../vault/contracts.js";
import { KeyNotFoundError } from "../vault/errors.js";
import { ephemeralKeyId } from "./ephemeral-keys.js";
import {
  environmentSource,
  fileSource,
  type KeyFileOptions,
  type KeySource,
} from "./key-sources.js";
import { RECORD_KEYS, unwrapUnder, wrapUnder } from "./key-wrap.js";
import {
  derivePassphraseKey,
  type NewPassphrase,
  passphraseKeyId,
  passphraseParams,
} from "./passphrase.js";

const KEY_TEXT = /^[A-Za-z0-9_-]{43}$/;
const MAX_FIRST_EPOCH = 2 ** 40;
const FILE_OPTIONS: ReadonlySet<string> = new Set(["mounted"]);

/** A 256-bit key: 32 bytes, or text as {@link generateKey} returns it. */
export type KeyMaterial = Uint8Array | string;

/** The keys of a ring. */
export interface KeyRingOptions {
  /** The id of the key that new records are encrypted under. */
  readonly current: string;
  /** Every key by its id; an id has 1 to 64 characters of `A-Z a-z 0-9 . _ -`. */
  readonly keys: Readonly<Record<string, KeyMaterial>>;
}

/** A passphrase and its stored parameters. */
export interface PassphraseOptions {
  /** At least 8 characters. */
  readonly passphrase: string;
  /** The result of {@link KeyRing.newPassphraseParams}. Store it: other parameters give another key. */
  readonly params: string;
  /**
   * Earlier passphrases, each with the parameters that were made for it. Their keys only decrypt. Default:
   * none.
   */
  readonly older?: readonly Pick<PassphraseOptions, "passphrase" | "params">[] | undefined;
}

/** The proof that no record needs a key: a complete report of `HandleVault.rewrap`. */
export interface RemovalProof {
  /** The id of the current key when the rewrap began. */
  readonly currentKeyId?: string | undefined;
  /** The ring's {@link KeyRing.epoch} when the rewrap began. */
  readonly keyEpoch?: number | undefined;
  readonly failed: number;
  readonly keyUsage: Readonly<Record<string, number>>;
  readonly cursor?: string | undefined;
}

/** Removes a key without a proof. Records that are still wrapped under it can never be read again. */
export interface ForcedRemoval {
  readonly force: true;
}

/** The origin of a ring's keys. */
type Origin = "memory" | "passphrase" | KeySource;

/** Returns a random 256-bit key as 43 characters of base64url. */
export function generateKey(): string {
  return randomBytes(KEY_BYTES).toString("base64url");
}

/**
 * Holds one current key, which encrypts, and older keys, which only decrypt.
 *
 * Keys rotate in four steps, each in every process before the next one: `add` or `reload`, `promote`,
 * `rewrap`, `remove`. Before `promote` the new key goes to the front of the file, where a process that
 * starts finds its current key. See docs/keys.md.
 *
 * @example
 * Rotate in one process, after the new key was written to the front of the file.
 * ```ts
 * ring.reload();
 * ring.promote("2026-12");
 * ring.remove("2026-11", await vault.rewrap());
 * ```
 */
export class KeyRing implements KeyProvider {
  readonly #keys = new Map<string, KeyObject>();
  readonly #durable: boolean;
  readonly #origin: Origin;
  #currentKeyId: string;
  /** Starts at a random number, so that a report about another ring is not accepted for this ring. */
  #epoch: number = randomInt(MAX_FIRST_EPOCH);
  /** The epoch in which the current key was promoted. */
  #promotedAtEpoch: number = this.#epoch;

  private constructor(currentKeyId: string, origin: Origin, durable: boolean) {
    this.#currentKeyId = currentKeyId;
    this.#origin = origin;
    this.#durable = durable;
  }

  /** Returns a ring with one random key, which is lost when this process ends. */
  static ephemeral(): KeyRing {
    const id = ephemeralKeyId();
    const key = randomBytes(KEY_BYTES);
    const ring = KeyRing.#of({ current: id, keys: { [id]: key } }, "memory", false);
    key.fill(0);
    return ring;
  }

  /**
   * Returns a ring with copies of the given keys. The program stores the keys: a key that is added and
   * promoted is lost with the process unless the program has stored it.
   *
   * @throws TypeError A key is neither bytes nor text, or `current` is not among the keys.
   * @throws RangeError A key is not 256 bits long, or an id has an invalid form.
   */
  static from(options: KeyRingOptions): KeyRing {
    return KeyRing.#of(options, "memory");
  }

  /**
   * Returns a ring with the keys in an environment variable: `id:key`, comma-separated, the current one
   * first.
   *
   * @throws TypeError The variable is not set or is not such a list.
   * @throws RangeError A key is not 256 bits long, or an id has an invalid form.
   */
  static fromEnv(name: string): KeyRing {
    return KeyRing.#from(environmentSource(name));
  }

  /**
   * Returns a ring with the keys in a file: one `id:key` per line, the current one first; `#` starts a
   * comment line.
   *
   * @param path - A relative path is resolved now, against the current folder, also for later calls of
   *   `reload` and `promote`.
   * @param options - `mounted: true` accepts a secret that a container platform mounted.
   * @throws TypeError The file cannot be opened, is over 64 KiB or not such a list, or other users can read
   *   it; for a mounted file: other users can change or replace it.
   * @throws RangeError A key is not 256 bits long, or an id has an invalid form.
   */
  static async fromFile(path: string, options: KeyFileOptions = {}): Promise<KeyRing> {
    checkOptions(options, "KeyRing.fromFile options", FILE_OPTIONS);
    const { mounted } = options;
    if (mounted !== undefined) checkBoolean(mounted, "mounted");
    return KeyRing.#from(fileSource(path, options));
  }

  /**
   * Returns a ring with a key derived from a passphrase by scrypt (RFC 7914), off the main thread.
   *
   * The passphrase is normalised (Unicode NFKC), so that different keyboards and encodings give the same key.
   *
   * @throws TypeError `params` is not from {@link KeyRing.newPassphraseParams}, or was made for another
   *   passphrase.
   * @throws RangeError A passphrase is too short, the cost in `params` is out of bounds, or two passphrases
   *   have the same `params`.
   */
  static async fromPassphrase(options: PassphraseOptions): Promise<KeyRing> {
    const { older = [] } = options;
    const all = [options, ...older];
    assertDistinct(all.map(({ params }) => passphraseKeyId(params)));
    const keys: Record<string, Buffer> = {};
    try {
      for (const { passphrase, params } of all) {
        keys[passphraseKeyId(params)] = await derivePassphraseKey(passphrase, params);
      }
      return KeyRing.#of({ current: passphraseKeyId(options.params), keys }, "passphrase");
    } finally {
      for (const key of Object.values(keys)) key.fill(0);
    }
  }

  /**
   * Returns new parameters for {@link KeyRing.fromPassphrase}, as a PHC string: a random salt, the cost, and
   * a check value that detects a wrong passphrase. They are not secret, but they allow an attacker to guess
   * passphrases offline, as any record does.
   *
   * @throws RangeError The passphrase is too short, or the cost is out of bounds.
   */
  static async newPassphraseParams(options: NewPassphrase): Promise<string> {
    return passphraseParams(options);
  }

  static #from(source: KeySource): KeyRing {
    return KeyRing.#of(source.read(), source);
  }

  static #of(options: KeyRingOptions, origin: Origin, durable = true): KeyRing {
    const ring = new KeyRing(options.current, origin, durable);
    for (const [id, key] of Object.entries(options.keys)) ring.#put(id, toKeyObject(key));
    if (!ring.#keys.has(options.current)) {
      throw new TypeError("current must be the id of one of the keys");
    }
    return ring;
  }

  get durable(): boolean {
    return this.#durable;
  }

  /** Returns the id of the key that encrypts: the same for every context. */
  currentKeyId(): string {
    return this.#currentKeyId;
  }

  /** Returns a number that changes with every change to the keys. */
  epoch(): number {
    return this.#epoch;
  }

  /** The ids of all keys, including the current one. */
  get keyIds(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /**
   * Adds a key, which only decrypts until it is promoted.
   *
   * @throws RangeError The ring already has a key with this id.
   */
  add(keyId: string, key: KeyMaterial): void {
    if (this.#keys.has(keyId))
      throw new RangeError("keyId is taken: give every key an id of its own");
    this.#put(keyId, toKeyObject(key));
    this.#epoch += 1;
  }

  /**
   * Makes a key the current one, which encrypts new records. The other keys still decrypt. Every process must
   * have the key before any process promotes it. If the keys are in a file or variable, the key must then be
   * the first one there; otherwise a process that starts later would encrypt under the earlier key again.
   *
   * A ring from a file or an environment variable reads its source again: if the key were only in memory, it
   * would be lost with the process, and so would all records sealed under it.
   *
   * @throws RangeError The ring does not have the key, or its source no longer has it.
   * @throws TypeError The source cannot be read, or the ring is from a passphrase, whose keys are derived.
   */
  promote(keyId: string): void {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new RangeError("keyId is not in the ring: add the key first");
    if (this.#origin === "passphrase") {
      throw new TypeError(
        "a ring from a passphrase has its key by derivation: make one from the new passphrase, and " +
          "give the old one as older",
      );
    }
    if (this.#origin !== "memory") assertKept(this.#origin, keyId, key);
    this.#makeCurrent(keyId);
  }

  /**
   * Reads the file again. Adds its new keys and makes its first key the current one. Keys that the file no
   * longer has stay until they are removed.
   *
   * @throws TypeError The file cannot be read, or the ring is not from a file. (The variables of a running
   *   process cannot be changed from outside: restart the process.)
   * @throws RangeError An id has a different key than before. The ring is unchanged.
   */
  reload(): void {
    const source = this.#origin;
    if (typeof source === "string" || source.kind !== "file") {
      throw new TypeError("only a ring from a file can be reloaded: restart the process instead");
    }
    const { current, keys } = source.read();
    const read = Object.entries(keys).map(([id, text]) => [id, toKeyObject(text)] as const);
    for (const [id, key] of read) {
      checkKeyId(id, "a key id");
      if (this.#keys.get(id)?.equals(key) === false) {
        throw new RangeError("an id in the key file has another key than before: use a new id");
      }
    }
    for (const [id, key] of read) this.#put(id, key);
    this.#epoch += 1;
    if (current !== this.#currentKeyId) this.#makeCurrent(current);
  }

  /**
   * Removes an older key. Records that are still wrapped under it can never be read again.
   *
   * @param proof - The report of a complete `rewrap` by a vault with this ring, begun after the last
   *   `promote`, in which no record failed and none is under the key. Or `{ force: true }`. The report does
   *   not cover other processes that still seal under the key: promote in every process first.
   * @returns Whether the ring had the key.
   * @throws RangeError It is the current key, or the report does not show that the key is unused.
   */
  remove(keyId: string, proof: RemovalProof | ForcedRemoval): boolean {
    if (keyId === this.#currentKeyId)
      throw new RangeError("keyId is the current key: promote another first");
    if (typeof proof !== "object" || proof === null) {
      throw new TypeError("proof must be a report of rewrap, or { force: true }");
    }
    if (!("force" in proof && proof.force === true)) this.#assertUnused(keyId, proof);
    const removed = this.#keys.delete(keyId);
    if (removed) this.#epoch += 1;
    return removed;
  }

  #assertUnused(keyId: string, proof: RemovalProof | ForcedRemoval): void {
    const { currentKeyId, keyEpoch = Number.NaN, failed, keyUsage, cursor } = proof as RemovalProof;
    const isAboutNow =
      currentKeyId === this.#currentKeyId &&
      keyEpoch >= this.#promotedAtEpoch &&
      keyEpoch <= this.#epoch;
    if (!isAboutNow) {
      throw new RangeError("the report is not of a rewrap under this ring, after its last promote");
    }
    if (cursor !== undefined)
      throw new RangeError("the report is of a rewrap that is not complete");
    if (failed !== 0 || keyUsage[keyId] !== undefined) {
      throw new RangeError("the report shows records under the key, or records that failed");
    }
  }

  #makeCurrent(keyId: string): void {
    this.#currentKeyId = keyId;
    this.#epoch += 1;
    this.#promotedAtEpoch = this.#epoch;
  }

  /**
   * Wraps a data key under the current key. For records only the key's id is bound to it; for any other purpose the
   * whole context is, and the key is derived with a label of the purpose.
   */
  wrap(dataKey: Uint8Array, context: KeyContext = RECORD_KEYS): WrappedKey {
    const keyId = this.#currentKeyId;
    return wrapUnder({ key: this.#keyOf(keyId), keyId }, dataKey, context);
  }

  unwrap(wrapped: WrappedKey, context: KeyContext = RECORD_KEYS): Uint8Array {
    return unwrapUnder(this.#keyOf(wrapped.keyId), wrapped, context);
  }

  #keyOf(keyId: string): KeyObject {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw new KeyNotFoundError();
    return key;
  }

  #put(id: string, key: KeyObject): void {
    checkKeyId(id, "a key id");
    this.#keys.set(id, key);
  }
}

/**
 * Throws if two ids are equal: ids are derived from the parameters, and one of the two keys would be lost.
 */
function assertDistinct(keyIds: readonly string[]): void {
  if (new Set(keyIds).size === keyIds.length) return;
  throw new RangeError(
    "two passphrases have the same params: make new ones for every passphrase with " +
      "KeyRing.newPassphraseParams()",
  );
}

/** Throws unless a source still has the key under the same id. */
function assertKept({ read, kind }: KeySource, keyId: string, key: KeyObject): void {
  const { keys } = read();
  const text = Object.hasOwn(keys, keyId) ? keys[keyId] : undefined;
  if (text !== undefined && toKeyObject(text).equals(key)) return;
  throw new RangeError(
    `the ${kind} does not have this key: write it there first, or everything sealed under it is lost ` +
      "with the process",
  );
}

function toKeyObject(material: KeyMaterial): KeyObject {
  if (typeof material !== "string" && !isBytes(material)) {
    throw new TypeError("a key must be 32 bytes, or text from generateKey()");
  }
  if (typeof material === "string" && !KEY_TEXT.test(material)) {
    throw new RangeError(
      "a key as text must be 43 characters of base64url, as generateKey() returns it",
    );
  }
  const bytes =
    typeof material === "string" ? Buffer.from(material, "base64url") : ownCopy(material);
  if (bytes.length !== KEY_BYTES) throw new RangeError("a key must be 32 bytes (256 bits)");
  return takeKey(bytes);
}
