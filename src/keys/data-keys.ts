/**
 * Data keys: the keys that records are encrypted under.
 *
 * An instance generates a random key, wraps it once under its provider's current key, and uses it until it
 * reaches a limit. It encrypts only under keys that it generated; it uses the keys of other instances only to
 * decrypt. The header of a key names it and commits to it, so that no other key opens the ciphertext.
 */

import { Buffer } from "node:buffer";
import { type KeyObject, timingSafeEqual } from "node:crypto";
import { performance } from "node:perf_hooks";
import { KEY_BYTES } from "../primitives/aes-256-gcm.js";
import { setBounded } from "../primitives/bounded-map.js";
import { fillSecret } from "../primitives/random-pool.js";
import type {
  KeyContext,
  KeyProvider,
  KeyState,
  MaybePromise,
  WrappedKey,
} from "../vault/contracts.js";
import { isVaultError, KeyNotFoundError, RecordIntegrityError } from "../vault/errors.js";
import { andThen, isPromise } from "../vault/maybe-promise.js";
import { DataKey, deriveFrom } from "./data-key.js";
import {
  COMMITMENT_BYTES,
  encodeHeader,
  type ParsedHeader,
  parseHeader,
} from "./data-key-header.js";
import { RECORD_KEYS } from "./key-wrap.js";
import { DEFAULT_KEY_TIMEOUT_MS, isUnanswered, ProviderCalls } from "./provider-calls.js";

const MAX_OPENED = 1024;
const MAX_REFUSED = 256;
const REFUSAL_MS = 10_000;

interface UnwrappedKey {
  readonly dataKey: Uint8Array;
  readonly key: KeyObject;
}

/** Options of {@link DataKeys}: a timeout and a clock. */
export interface DataKeysOptions {
  /** Time limit for a call to the provider, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** What the keys are for. Default: records of no tenant. */
  readonly context?: KeyContext | undefined;
  /** Returns milliseconds that never go backwards. */
  readonly elapsedMs?: (() => number) | undefined;
}

/**
 * Generates, uses and unwraps the data keys of one context. Everything that it remembers is of that context, so that
 * a key which another context may open is asked for again, and the rotation of one tenant clears nothing of another.
 */
export class DataKeys {
  readonly #provider: ProviderCalls;
  readonly #elapsedMs: () => number;
  readonly #opened = new Map<string, KeyObject>();
  /** The most recently unwrapped key. Consecutive records usually have the same header. */
  #latest: { readonly header: Buffer; readonly key: KeyObject } | undefined;
  readonly #opening = new Map<string, Promise<KeyObject>>();
  readonly #rewrapped = new Map<string, MaybePromise<Buffer | undefined>>();
  readonly #refused = new Map<string, { readonly unknownKey: boolean; readonly untilMs: number }>();
  #epoch: number;
  #current: DataKey | undefined;
  #drawing: Promise<DataKey> | undefined;

  constructor(
    provider: KeyProvider,
    {
      timeoutMs = DEFAULT_KEY_TIMEOUT_MS,
      context = RECORD_KEYS,
      elapsedMs = () => performance.now(),
    }: DataKeysOptions = {},
  ) {
    this.#provider = new ProviderCalls(provider, context, timeoutMs);
    this.#elapsedMs = elapsedMs;
    this.#epoch = this.#provider.epoch;
  }

  /** Whether records remain readable after this process has ended. */
  get durable(): boolean {
    return this.#provider.durable;
  }

  /** The provider's current key and its epoch. */
  get keyState(): KeyState {
    const { currentKeyId, epoch } = this.#provider;
    return { currentKeyId, epoch };
  }

  /** Returns the key to encrypt under: the key in use, or a new one if that has reached a limit. */
  forEncryption(): MaybePromise<DataKey> {
    this.#followProvider();
    const current = this.#current;
    return current === undefined || current.isSpent(this.#elapsedMs()) ? this.#draw() : current;
  }

  /**
   * Returns the key for the header in the first `length` bytes.
   *
   * @throws {@link KeyNotFoundError} The provider does not know the wrapping key.
   * @throws {@link RecordIntegrityError} The header was altered.
   * @throws KeyServiceUnavailableError The provider failed, or did not respond in time.
   */
  forDecryption(bytes: Buffer, length: number): MaybePromise<KeyObject> {
    this.#followProvider();
    // Keys are cached by the whole header, so that any altered byte is detected.
    const latest = this.#latest;
    if (latest !== undefined && latest.header.compare(bytes, 0, length) === 0) return latest.key;
    const name = bytes.toString("latin1", 0, length);
    const opened = this.#opened.get(name);
    if (opened !== undefined) return this.#remember(name, opened);
    const opening = this.#opening.get(name);
    if (opening !== undefined) {
      return elseOnceMore(opening, () => this.#opening.get(name) ?? this.#openNamed(name));
    }
    this.#assertNotRefused(name);
    return this.#open(name, parseHeader(bytes.subarray(0, length)));
  }

  /** Returns the header with its data key wrapped under the current key; `undefined` if it already is. */
  rewrap(header: Buffer): MaybePromise<Buffer | undefined> {
    this.#followProvider();
    const parsed = parseHeader(header);
    if (parsed.keyId === this.#provider.currentKeyId) return undefined;
    const name = header.toString("latin1");
    const known = this.#rewrapped.get(name);
    if (known !== undefined) {
      return elseOnceMore(known, () => this.#rewrapped.get(name) ?? this.#rewrapOnce(name));
    }
    return this.#rewrapOnce(name);
  }

  /** Records of one instance share a header, so one call to the provider serves all of them. */
  #rewrapOnce(name: string): MaybePromise<Buffer | undefined> {
    const rewrapped = this.#rewrapHeader(parseHeader(Buffer.from(name, "latin1")));
    setBounded(this.#rewrapped, name, rewrapped, MAX_OPENED);
    if (isPromise(rewrapped)) {
      rewrapped.catch(() => {
        if (this.#rewrapped.get(name) === rewrapped) this.#rewrapped.delete(name);
      });
    }
    return rewrapped;
  }

  #rewrapHeader(parsed: ParsedHeader): MaybePromise<Buffer | undefined> {
    if (this.#provider.canRewrap) {
      return andThen(this.#provider.rewrap(parsed), (wrapped) =>
        wrapped === undefined ? undefined : encodeHeader(wrapped, parsed.commitment),
      );
    }
    return andThen(this.#unwrap(parsed), ({ dataKey }) =>
      andThen(this.#wrap(dataKey), (wrapped) => encodeHeader(wrapped, parsed.commitment)),
    );
  }

  /** Wraps a data key, and overwrites the plain key afterwards, also on failure. */
  #wrap(dataKey: Uint8Array): MaybePromise<WrappedKey> {
    const wipe = () => void dataKey.fill(0);
    try {
      const wrapped = this.#provider.wrap(dataKey);
      if (isPromise(wrapped)) return wrapped.finally(wipe);
      wipe();
      return wrapped;
    } catch (error) {
      wipe();
      throw error;
    }
  }

  /** Clears the caches if the provider's keys have changed since. */
  #followProvider(): void {
    if (this.#epoch === this.#provider.epoch) return;
    this.#epoch = this.#provider.epoch;
    this.#current = undefined;
    this.#drawing = undefined;
    this.#opened.clear();
    this.#latest = undefined;
    this.#opening.clear();
    this.#rewrapped.clear();
    this.#refused.clear();
  }

  #draw(): MaybePromise<DataKey> {
    const drawing = this.#drawing;
    if (drawing === undefined) return this.#drawAnother();
    return elseOnceMore(drawing, () => this.#drawing ?? this.forEncryption());
  }

  #drawAnother(): MaybePromise<DataKey> {
    const dataKey = Buffer.alloc(KEY_BYTES);
    fillSecret(dataKey, 0, KEY_BYTES);
    const epoch = this.#epoch;
    const { key, commitment } = deriveFrom(dataKey);
    const drawn = andThen(this.#wrap(dataKey), (wrapped) => {
      const own = new DataKey(encodeHeader(wrapped, commitment), key, this.#elapsedMs());
      if (epoch === this.#epoch) {
        this.#current = own;
        this.#remember(own.header.toString("latin1"), key);
      }
      return own;
    });
    if (!isPromise(drawn)) return drawn;
    const drawing = drawn.finally(() => {
      if (this.#drawing === drawing) this.#drawing = undefined;
    });
    this.#drawing = drawing;
    return drawing;
  }

  #openNamed(name: string): MaybePromise<KeyObject> {
    const header = Buffer.from(name, "latin1");
    return this.forDecryption(header, header.length);
  }

  #open(name: string, header: ParsedHeader): MaybePromise<KeyObject> {
    const epoch = this.#epoch;
    try {
      const unwrapped = this.#unwrap(header);
      if (!isPromise(unwrapped)) return this.#remember(name, keyOnly(unwrapped));
      const opening = unwrapped
        .then((opened) => {
          const key = keyOnly(opened);
          return epoch === this.#epoch ? this.#remember(name, key) : key;
        })
        .catch((error: unknown) => {
          if (epoch === this.#epoch) this.#refuse(name, error);
          throw error;
        })
        .finally(() => {
          if (this.#opening.get(name) === opening) this.#opening.delete(name);
        });
      this.#opening.set(name, opening);
      return opening;
    } catch (error) {
      this.#refuse(name, error);
      throw error;
    }
  }

  /** Returns the data key and the values derived from it, after checking the header's commitment. */
  #unwrap(header: ParsedHeader): MaybePromise<UnwrappedKey> {
    return andThen(this.#provider.unwrap(header), (dataKey) => {
      const { key, commitment } = deriveFrom(dataKey);
      const isWhole = header.commitment.length === COMMITMENT_BYTES;
      if (isWhole && timingSafeEqual(commitment, header.commitment)) return { dataKey, key };
      dataKey.fill(0);
      throw new RecordIntegrityError();
    });
  }

  #remember(name: string, key: KeyObject): KeyObject {
    setBounded(this.#opened, name, key, MAX_OPENED);
    this.#latest = { header: Buffer.from(name, "latin1"), key };
    return key;
  }

  /** Caches the rejection, so that a forged header is not sent to the provider repeatedly. */
  #refuse(name: string, error: unknown): void {
    const unknownKey = isVaultError(error, "ERR_VAULT_KEY_NOT_FOUND");
    if (!unknownKey && !isVaultError(error, "ERR_VAULT_RECORD_INTEGRITY")) return;
    const refusal = { unknownKey, untilMs: this.#elapsedMs() + REFUSAL_MS };
    setBounded(this.#refused, name, refusal, MAX_REFUSED);
  }

  #assertNotRefused(name: string): void {
    const refusal = this.#refused.get(name);
    if (refusal === undefined) return;
    if (this.#elapsedMs() < refusal.untilMs) {
      throw refusal.unknownKey ? new KeyNotFoundError() : new RecordIntegrityError();
    }
    this.#refused.delete(name);
  }
}

/**
 * Retries once if the call that a caller had joined got no response: that call may have been on a dead
 * connection.
 */
function elseOnceMore<T>(joined: MaybePromise<T>, again: () => MaybePromise<T>): MaybePromise<T> {
  if (!isPromise(joined)) return joined;
  return joined.catch((error: unknown) => {
    if (isUnanswered(error)) return again();
    throw error;
  });
}

/** Returns the decryption key, and wipes the data key that it was derived from. */
function keyOnly({ dataKey, key }: UnwrappedKey): KeyObject {
  dataKey.fill(0);
  return key;
}
