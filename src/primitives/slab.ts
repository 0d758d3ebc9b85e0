/**
 * Short-lived memory for ciphertexts, cut from slabs larger than Node's own 8 KiB: making a slab is
 * what costs, and this makes fewer. For bytes that are copied elsewhere soon; whatever keeps one of
 * them keeps its whole slab.
 */
import { Buffer } from "node:buffer";

const SLAB_BYTES = 65_536;
const MAX_SLICE_BYTES = 8192;

let slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
let next = 0;

/** Returns `byteCount` bytes of memory that nobody else uses; what they hold is left over. */
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
