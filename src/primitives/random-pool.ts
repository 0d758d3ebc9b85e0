/**
 * A pool of random bytes from the operating system, shared by the whole process.
 *
 * Requesting a dozen bytes from the system takes over a microsecond; requesting 8 KiB at a time makes the
 * cost per call negligible. Each byte of the pool is used once.
 */
import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";

const POOL_BYTES = 8192;
const pool: Buffer = Buffer.allocUnsafeSlow(POOL_BYTES);
let next = POOL_BYTES;

function reserve(byteCount: number): number {
  if (next + byteCount > POOL_BYTES) {
    randomFillSync(pool);
    next = 0;
  }
  const start = next;
  next += byteCount;
  return start;
}

/** Returns `byteCount` (at most 8,192) random bytes as lower-case hex. */
export function randomHex(byteCount: number): string {
  const start = reserve(byteCount);
  return pool.toString("hex", start, start + byteCount);
}

/** Overwrites `byteCount` (at most 8,192) bytes of `target` from `offset` on with random ones. */
export function fillRandom(target: Buffer, offset: number, byteCount: number): void {
  const start = reserve(byteCount);
  pool.copy(target, offset, start, start + byteCount);
}

/** Does the same for secret bytes: wipes the copy in the pool. */
export function fillSecret(target: Buffer, offset: number, byteCount: number): void {
  const start = reserve(byteCount);
  pool.copy(target, offset, start, start + byteCount);
  pool.fill(0, start, start + byteCount);
}
