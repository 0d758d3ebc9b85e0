/**
 * Allocates short-lived memory for ciphertexts from slabs of 64 KiB. Creating a slab is the expensive part,
 * and Node's own pool of 8 KiB needs more of them. Only for bytes that are copied elsewhere soon: a
 * reference to one slice keeps the whole slab in memory.
 */
import { Buffer } from "node:buffer";

const SLAB_BYTES = 65_536;
const MAX_SLICE_BYTES = 8192;

let slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
let next = 0;

/** Returns `byteCount` bytes of unshared memory, which is not initialised. */
export function allocateShortLived(byteCount: number): Buffer {
  if (byteCount > MAX_SLICE_BYTES) return Buffer.allocUnsafeSlow(byteCount);
  if (next + byteCount > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    next = 0;
  }
  const start = next;
  next += byteCount;
  return slab.subarray(start, next);
}
