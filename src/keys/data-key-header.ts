/**
 * The header of a data key, as it stands in every ciphertext: the id of the wrapping key after its
 * length (1 byte), the wrapped data key after its length (2 bytes), and a commitment of 32 bytes.
 */
import { Buffer } from "node:buffer";
import type { WrappedKey } from "../vault/contracts.js";
import { KeyNotFoundError } from "../vault/errors.js";

/** Length of a commitment, in bytes. */
export const COMMITMENT_BYTES = 32;

/** The parts of a data key's header. */
export interface ParsedHeader extends WrappedKey {
  readonly commitment: Buffer;
}

/**
 * Returns how many bytes the header at the start of `bytes` takes: all of them if it is cut off. What
 * is wrong with a header is for the provider to say, who first looks whether the key is known.
 */
export function headerLength(bytes: Buffer): number {
  const keyIdLength = bytes[0] ?? 0;
  const lengthAt = 1 + keyIdLength;
  if (keyIdLength === 0 || bytes.length < lengthAt) throw new KeyNotFoundError();
  if (bytes.length < lengthAt + 2) return bytes.length;
  const length = lengthAt + 2 + bytes.readUInt16BE(lengthAt) + COMMITMENT_BYTES;
  return Math.min(length, bytes.length);
}

/** Returns the key id in the header at the start of `bytes`. */
export function headerKeyId(bytes: Buffer): string {
  const keyIdLength = bytes[0] ?? 0;
  if (keyIdLength === 0 || bytes.length < 1 + keyIdLength) throw new KeyNotFoundError();
  return bytes.toString("latin1", 1, 1 + keyIdLength);
}

/** Returns the parts of a header; of one that is cut off, what there is of them. */
export function parseHeader(header: Buffer): ParsedHeader {
  const keyId = headerKeyId(header);
  const wrappedAt = 1 + keyId.length + 2;
  const commitmentAt = Math.max(header.length - COMMITMENT_BYTES, wrappedAt);
  return {
    keyId,
    wrapped: header.subarray(wrappedAt, commitmentAt),
    commitment: header.subarray(commitmentAt),
  };
}

/** Returns the header of a wrapped key. */
export function encodeHeader({ keyId, wrapped }: WrappedKey, commitment: Uint8Array): Buffer {
  const lengths = Buffer.alloc(2);
  lengths.writeUInt16BE(wrapped.length);
  return Buffer.concat([
    Buffer.of(keyId.length),
    Buffer.from(keyId, "latin1"),
    lengths,
    wrapped,
    commitment,
  ]);
}
