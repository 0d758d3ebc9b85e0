/** Writes the bytes that a cache stores before a head, without a copy where possible. */
import { Buffer } from "node:buffer";
import type { CacheRecord } from "../vault/contracts.js";

/** A head, and the number of bytes before it in the same memory that may be overwritten. */
export type Head = Pick<CacheRecord, "head" | "frontBytes">;

/**
 * Returns a buffer of `byteCount` bytes to be filled, followed by the head. It uses the head's own memory
 * if enough bytes before it may be overwritten; otherwise it copies the head.
 */
export function behindFront({ head, frontBytes = 0 }: Head, byteCount: number): Buffer {
  if (frontBytes >= byteCount) {
    return Buffer.from(head.buffer, head.byteOffset - byteCount, byteCount + head.length);
  }
  const row = Buffer.allocUnsafe(byteCount + head.length);
  row.set(head, byteCount);
  return row;
}
