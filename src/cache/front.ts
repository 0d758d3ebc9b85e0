/** What caches put before the heads that they store. */
import { Buffer } from "node:buffer";
import type { CacheRecord } from "../vault/contracts.js";

/** A head, and how many bytes before it in its memory may be written to. */
export type Head = Pick<CacheRecord, "head" | "frontBytes">;

/** Returns `byteCount` bytes to be filled and the head behind them: in place where there is room, else a copy. */
export function behindFront({ head, frontBytes = 0 }: Head, byteCount: number): Buffer {
  if (frontBytes >= byteCount) {
    return Buffer.from(head.buffer, head.byteOffset - byteCount, byteCount + head.length);
  }
  const row = Buffer.allocUnsafe(byteCount + head.length);
  row.set(head, byteCount);
  return row;
}
