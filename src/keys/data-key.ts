/** A data key, and the part of its usage limits that remains. */
import { Buffer } from "node:buffer";
import { hkdfSync, type KeyObject } from "node:crypto";
import { KEY_BYTES, NONCE_BYTES } from "../primitives/aes-256-gcm.js";
import { takeKey } from "../primitives/bytes.js";
import { fillRandom } from "../primitives/random-pool.js";
import { COMMITMENT_BYTES } from "./data-key-header.js";

const DERIVE_LABEL = "handlevault v1 data key";
const MAX_ENCRYPTIONS = 2 ** 20;
const MAX_ENCRYPTED_BYTES = 2 ** 36;
const MAX_AGE_MS = 3_600_000;

/** A data key that this instance generated, with its remaining usage limits. */
export class DataKey {
  /**
   * The header with the wrapping key's id, the wrapped key and the commitment; it is part of every record.
   */
  readonly header: Buffer;
  readonly key: KeyObject;
  readonly #drawnAtMs: number;
  #encryptions = 0;
  #bytes = 0;

  constructor(header: Buffer, key: KeyObject, drawnAtMs: number) {
    this.header = header;
    this.key = key;
    this.#drawnAtMs = drawnAtMs;
  }

  /** Returns whether the key has reached its limit by count, bytes or age. */
  isSpent(nowMs: number): boolean {
    return (
      this.#encryptions >= MAX_ENCRYPTIONS ||
      this.#bytes >= MAX_ENCRYPTED_BYTES ||
      nowMs - this.#drawnAtMs >= MAX_AGE_MS
    );
  }

  /**
   * Writes the nonce for one encryption of `byteCount` bytes.
   *
   * 64 random bits make nonces unpredictable, and a counter of 32 bits makes them unique. The counter may
   * pass the key's limit: callers that wait for the next key still use this one.
   */
  nextNonce(byteCount: number, nonce: Buffer): void {
    fillRandom(nonce, 0, NONCE_BYTES - 4);
    // Throws a RangeError if the counter exceeds 32 bits, so that it never starts over.
    nonce.writeUInt32BE(this.#encryptions, NONCE_BYTES - 4);
    this.#encryptions += 1;
    this.#bytes += byteCount;
  }
}

/**
 * Derives the encryption key and the commitment from a data key: HKDF-SHA-256 (RFC 5869), 64 bytes.
 *
 * AES-GCM alone does not commit to its key: an attacker can craft a ciphertext that two keys decrypt. Two
 * data keys with the same commitment would be a collision of SHA-256.
 */
export function deriveFrom(dataKey: Uint8Array): { key: KeyObject; commitment: Buffer } {
  const derived = Buffer.from(
    hkdfSync("sha256", dataKey, Buffer.alloc(0), DERIVE_LABEL, KEY_BYTES + COMMITMENT_BYTES),
  );
  const key = takeKey(derived.subarray(0, KEY_BYTES));
  return { key, commitment: derived.subarray(KEY_BYTES) };
}
