/**
 * The floor F1: the least code that seals with an owner, a grantee, a lifetime and a safe view, written
 * only for speed. It has no wrapped keys, no commitment, no key rotation, no size bounds, no argument
 * checks, no record version and no hashed ids.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomBytes,
  randomFillSync,
} from "node:crypto";

const POOL_BYTES = 8192;
const GCM = { authTagLength: 16 } as const;
/** The lifetime of handles, in milliseconds: longer than filling a store with a million takes. */
export const LIFETIME_MS = 3_600_000;

/** The floor's handle. */
export interface FloorHandle {
  readonly id: string;
  readonly safeView: string;
  readonly expiresAtMs: number;
}

/** A sealed payload that is not stored yet. */
export interface FloorRecord {
  readonly handle: FloorHandle;
  readonly blob: Buffer;
}

/** Seals payloads into blobs and opens them. */
export class FloorSealer {
  readonly #key: KeyObject = createSecretKey(randomBytes(32));
  readonly #pool: Buffer = Buffer.allocUnsafeSlow(POOL_BYTES);
  readonly #aad: Buffer = Buffer.allocUnsafeSlow(36);
  #next = POOL_BYTES;

  seal(data: unknown, owner: string, grantee: string, safeView: string): FloorRecord {
    const randomAt = this.#draw(28);
    const id = `hdl_${this.#pool.toString("hex", randomAt, randomAt + 16)}`;
    const createdAtMs = Date.now();
    const expiresAtMs = createdAtMs + LIFETIME_MS;
    const header = `${owner}\n${grantee}\n${createdAtMs}\n${expiresAtMs}\n${safeView}\n`;
    const nonce = this.#pool.subarray(randomAt + 16, randomAt + 28);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce, GCM);
    this.#aad.write(id, 0, "latin1");
    cipher.setAAD(this.#aad);
    const ciphertext = cipher.update(header + JSON.stringify(data), "utf8");
    cipher.final();
    const tag = cipher.getAuthTag();
    const blob = Buffer.allocUnsafe(28 + ciphertext.length);
    nonce.copy(blob, 0);
    tag.copy(blob, 12);
    ciphertext.copy(blob, 28);
    return { handle: Object.freeze({ id, safeView, expiresAtMs }), blob };
  }

  open(id: string, blob: Buffer, principal: string): unknown {
    const decipher = createDecipheriv("aes-256-gcm", this.#key, blob.subarray(0, 12), GCM);
    this.#aad.write(id, 0, "latin1");
    decipher.setAAD(this.#aad);
    decipher.setAuthTag(blob.subarray(12, 28));
    const plaintext = decipher.update(blob.subarray(28)).toString("utf8");
    decipher.final();
    const ownerEnd = plaintext.indexOf("\n");
    const granteeEnd = plaintext.indexOf("\n", ownerEnd + 1);
    const createdEnd = plaintext.indexOf("\n", granteeEnd + 1);
    const expiresEnd = plaintext.indexOf("\n", createdEnd + 1);
    const safeViewEnd = plaintext.indexOf("\n", expiresEnd + 1);
    if (Date.now() >= Number(plaintext.slice(createdEnd + 1, expiresEnd)))
      throw new Error("expired");
    const isOwner = plaintext.slice(0, ownerEnd) === principal;
    const isGrantee = plaintext.slice(ownerEnd + 1, granteeEnd) === principal;
    if (!isOwner && !isGrantee) throw new Error("denied");
    return JSON.parse(plaintext.slice(safeViewEnd + 1));
  }

  #draw(byteCount: number): number {
    if (this.#next + byteCount > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    const start = this.#next;
    this.#next += byteCount;
    return start;
  }
}

/** The floor in memory. */
export class Floor {
  readonly #sealer = new FloorSealer();
  readonly #blobs = new Map<string, Buffer>();

  seal(data: unknown, owner: string, grantee: string, safeView: string): FloorHandle {
    const { handle, blob } = this.#sealer.seal(data, owner, grantee, safeView);
    this.#blobs.set(handle.id, blob);
    return handle;
  }

  unseal(id: string, principal: string): unknown {
    const blob = this.#blobs.get(id);
    if (blob === undefined) throw new Error("not found");
    return this.#sealer.open(id, blob, principal);
  }
}
