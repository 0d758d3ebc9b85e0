/**
 * Memory for many small byte strings, cut from a few large chunks.
 *
 * A `Buffer` of its own costs every small record a microsecond to make and more memory than it
 * holds; a chunk costs that once for a hundred, and the garbage collector walks none of it. Chunks
 * are only ever appended to, so bytes that were handed out stay as they are for every reader.
 */
import { Buffer } from "node:buffer";

const CHUNK_BYTES = 65_536;

/** A piece of a chunk. */
export interface Slice {
  readonly chunk: Buffer;
  readonly offset: number;
  readonly length: number;
}

/**
 * Hands out cuts and keeps count of how much of its chunks is still in use.
 *
 * Chunks that are mostly unused are given up by moving what is left of them, some cuts at a time:
 * `beginMove`, `move` for every cut that was live then, `endMove`.
 */
export class Arena {
  #chunk: Buffer = Buffer.alloc(0);
  #next = 0;
  #allocatedBytes = 0;
  #liveBytes = 0;
  /** What had been cut when the move began. */
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

  /** Counts a cut as no longer in use. */
  release(slice: Slice): void {
    this.#liveBytes -= slice.length;
  }

  /** Whether more than half of what was cut may be kept alive by the rest. */
  get isSparse(): boolean {
    return this.#allocatedBytes > 2 * this.#liveBytes + 4 * CHUNK_BYTES;
  }

  /** Starts a new chunk: what is cut from now on stays where it is. */
  beginMove(): void {
    this.#startChunk();
    this.#leftBytes = this.#allocatedBytes;
  }

  /** Returns a cut of the same bytes in place of `cut`. */
  move(slice: Slice): Slice {
    this.release(slice);
    return this.put(bytesOf(slice));
  }

  /** Gives up all that was cut before the move began. */
  endMove(): void {
    this.#allocatedBytes -= this.#leftBytes;
  }

  /** Gives up every cut; a chunk lives on as long as a cut of it is held. */
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

/** Returns the bytes of a cut, without copying them. */
export function bytesOf(slice: Slice): Buffer {
  return slice.chunk.subarray(slice.offset, slice.offset + slice.length);
}
