/**
 * The header of a data key. Every ciphertext begins with it: the length of the wrapping key's id (1 byte) and
 * the id, the length of the wrapped data key (2 bytes) and that key, and a commitment of 32 bytes.
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
 * Returns the length of the header at the start of `bytes`; the length of `bytes` if the header is truncated.
 * Does not validate the header: the provider does that, after it has checked that it knows the key.
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

/** Returns the parts of a header; for a truncated header, the parts that are present. */
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
