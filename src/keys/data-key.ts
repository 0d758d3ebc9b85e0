/** A data key: what it encrypts with, and how much of that is left. */
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

/** A data key that this instance drew, with what is left of it. */
export class DataKey {
  /** The bytes that name, wrap and commit to the key, as they go into every record. */
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

  /** Tells whether the key has done enough, by count, by bytes or by age. */
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
   * 64 fresh random bits, so that nothing is predictable; 32 counted bits, so that none repeats. The
   * count may run past what makes the key spent, by as many callers as wait for the next one.
   */
  nextNonce(byteCount: number, nonce: Buffer): void {
    fillRandom(nonce, 0, NONCE_BYTES - 4);
    // Throws a RangeError rather than start over.
    nonce.writeUInt32BE(this.#encryptions, NONCE_BYTES - 4);
    this.#encryptions += 1;
    this.#bytes += byteCount;
  }
}

/**
 * Derives the encryption key and the commitment from a data key: HKDF-SHA-256 (RFC 5869), 64 bytes.
 *
 * AES-GCM alone does not commit to its key: a ciphertext can be crafted to open under two. Two data
 * keys with one commitment would be a collision of SHA-256.
 */
export function deriveFrom(dataKey: Uint8Array): { key: KeyObject; commitment: Buffer } {
  const derived = Buffer.from(
    hkdfSync("sha256", dataKey, Buffer.alloc(0), DERIVE_LABEL, KEY_BYTES + COMMITMENT_BYTES),
  );
  const key = takeKey(derived.subarray(0, KEY_BYTES));
  return { key, commitment: derived.subarray(KEY_BYTES) };
}
