/**
 * Memory for many small byte strings, allocated from a few large chunks.
 *
 * A separate `Buffer` for every small record would take a microsecond to create and more memory than the
 * record. A chunk costs this once for a hundred records, and the garbage collector does not scan it.
 * Chunks are only appended to, so bytes that a reader received never change.
 */
import { Buffer } from "node:buffer";

const CHUNK_BYTES = 65_536;

/** A part of a chunk. */
export interface Slice {
  readonly chunk: Buffer;
  readonly offset: number;
  readonly length: number;
}

/**
 * Allocates slices and counts how much of its chunks is still in use.
 *
 * To free chunks that are mostly unused, the caller moves the live slices out of them, some at a time:
 * `beginMove`, then `move` for every slice that was live at that moment, then `endMove`.
 */
export class Arena {
  #chunk: Buffer = Buffer.alloc(0);
  #next = 0;
  #allocatedBytes = 0;
  #liveBytes = 0;
  /** The allocated bytes when the move began. */
  #leftBytes = 0;

  /** Copies `bytes` into a slice. */
  put(bytes: Uint8Array): Slice {
    const { length } = bytes;
    if (this.#next + length > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, length));
      this.#next = 0;
    }
    const chunk = this.#chunk;
    const offset = this.#next;
    this.#next += length;
    this.#allocatedBytes += length;
    this.#liveBytes += length;
    chunk.set(bytes, offset);
    return { chunk, offset, length };
  }

  /** Counts a slice as no longer in use. */
  release(slice: Slice): void {
    this.#liveBytes -= slice.length;
  }

  /** Whether more than half of the allocated bytes are unused but may be kept in memory by the rest. */
  get isSparse(): boolean {
    return this.#allocatedBytes > 2 * this.#liveBytes + 4 * CHUNK_BYTES;
  }

  /** Starts a new chunk, so that slices allocated from now on need not move. */
  beginMove(): void {
    this.#startChunk();
    this.#leftBytes = this.#allocatedBytes;
  }

  /** Returns a new slice of the same bytes, in place of `slice`. */
  move(slice: Slice): Slice {
    this.release(slice);
    return this.put(bytesOf(slice));
  }

  /** Stops counting the slices that were allocated before the move began. */
  endMove(): void {
    this.#allocatedBytes -= this.#leftBytes;
  }

  /** Drops all slices. A chunk stays in memory while a reader holds a slice of it. */
  clear(): void {
    this.#startChunk();
    this.#allocatedBytes = 0;
    this.#liveBytes = 0;
  }

  #startChunk(): void {
    this.#chunk = Buffer.alloc(0);
    this.#next = 0;
  }
}

/** Returns the bytes of a slice, without copying them. */
export function bytesOf(slice: Slice): Buffer {
  return slice.chunk.subarray(slice.offset, slice.offset + slice.length);
}
