/**
 * Frames: a length of four bytes, most significant first, followed by that many bytes of text.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { setImmediate } from "../../primitives/timers.js";

const HEADER_BYTES = 4;
const FIRST_ALLOCATION = 64 * 1024;
/** Frames are joined up to this size, because one large write costs less than many small ones. */
const JOINED_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** A frame announces a length over the limit, so the rest of the stream cannot be read. */
export class FrameTooLargeError extends Error {
  override readonly name = "FrameTooLargeError" as const;
  constructor() {
    super("The frame is longer than allowed.");
  }
}

/** The part of a frame that a reservation is for: a complete frame, the beginning of one, or more of it. */
export type FramePart = "whole" | "beginning" | "more";

/** Returns whether the bytes could be reserved. */
export type Reserve = (bytes: number, part: FramePart) => boolean;

/** Limits of a {@link FrameDecoder}. */
export interface FrameBounds {
  /** The maximum number of bytes in a frame after its length. */
  readonly maxFrameBytes: number;
  /**
   * Called to reserve bytes that have arrived. While it returns false, the frame waits unread. Default: true.
   */
  readonly reserve?: Reserve | undefined;
}

/** Decodes frames from a stream whose chunks may be split anywhere. */
export class FrameDecoder {
  /** May change between frames. */
  maxFrameBytes: number;
  readonly #reserve: Reserve;
  #unread: Buffer = NOTHING;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #body: Buffer | undefined;
  #bodyBytes = 0;
  #length = 0;
  #reservedBytes = 0;
  #isWaiting = false;

  constructor({ maxFrameBytes, reserve = () => true }: FrameBounds) {
    this.maxFrameBytes = maxFrameBytes;
    this.#reserve = reserve;
  }

  /** Whether a frame has begun that was not returned yet. */
  get isMidFrame(): boolean {
    return this.#headerBytes > 0 || this.#unread.length > 0;
  }

  /** Whether the frame that has begun waits for its reservation. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** The bytes reserved for a frame that was not returned. The caller must release them at the end. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /**
   * The bytes of memory in use. They depend on the bytes received, never on the length that a frame
   * announces.
   */
  get heldBytes(): number {
    return this.#unread.length + (this.#body?.length ?? 0);
  }

  /** Adds the next chunk; the caller must not change it afterwards. */
  push(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
  }

  /**
   * Returns the body of the next frame, or `undefined` until more has arrived or is reserved.
   *
   * @throws {@link FrameTooLargeError} The length is over the limit; nothing was allocated for it.
   */
  next(): Buffer | undefined {
    if (!this.#readHeader()) return undefined;
    if (this.#body === undefined && this.#unread.length >= this.#length) {
      if (!this.#hasRoom(this.#length, "whole")) return undefined;
      return this.#finish(this.#take(this.#length));
    }
    this.#collect();
    if (this.#body === undefined || this.#bodyBytes < this.#length) return undefined;
    return this.#finish(this.#body);
  }

  #readHeader(): boolean {
    if (this.#headerBytes === HEADER_BYTES) return true;
    const part = this.#take(Math.min(HEADER_BYTES - this.#headerBytes, this.#unread.length));
    this.#headerBytes += part.copy(this.#header, this.#headerBytes);
    if (this.#headerBytes < HEADER_BYTES) return false;
    this.#length = this.#header.readUInt32BE(0);
    if (this.#length > this.maxFrameBytes) throw new FrameTooLargeError();
    return true;
  }

  #hasRoom(bytes: number, part: FramePart): boolean {
    const more = bytes - this.#reservedBytes;
    this.#isWaiting = more > 0 && !this.#reserve(more, part);
    if (!this.#isWaiting) this.#reservedBytes = Math.max(bytes, this.#reservedBytes);
    return !this.#isWaiting;
  }

  /** Copies the received chunks into one buffer: kept chunks of one byte would cost a hundred bytes each. */
  #collect(): void {
    const arrived = Math.min(this.#length - this.#bodyBytes, this.#unread.length);
    if (arrived === 0) return;
    const size = grownSize(this.#body, {
      needed: this.#bodyBytes + arrived,
      most: this.#length,
    });
    if (!this.#hasRoom(size, this.#body === undefined ? "beginning" : "more")) return;
    this.#body = grown(this.#body, { used: this.#bodyBytes, size });
    this.#bodyBytes += this.#take(arrived).copy(this.#body, this.#bodyBytes);
  }

  #take(bytes: number): Buffer {
    const part = this.#unread.subarray(0, bytes);
    this.#unread = bytes === this.#unread.length ? NOTHING : this.#unread.subarray(bytes);
    return part;
  }

  #finish(body: Buffer): Buffer {
    this.#headerBytes = 0;
    this.#body = undefined;
    this.#bodyBytes = 0;
    this.#reservedBytes = 0;
    return body;
  }
}

/** Returns the size to which a buffer must grow so that `needed` bytes fit; `most` is the maximum. */
function grownSize(
  buffer: Buffer | undefined,
  { needed, most }: { readonly needed: number; readonly most: number },
): number {
  const length = buffer?.length ?? 0;
  if (length >= needed) return length;
  return Math.min(most, Math.max(needed, FIRST_ALLOCATION, 2 * length));
}

/** Returns a buffer of that size that begins with the `used` bytes of another. */
function grown(
  buffer: Buffer | undefined,
  { used, size }: { readonly used: number; readonly size: number },
): Buffer {
  if (buffer?.length === size) return buffer;
  const larger = Buffer.allocUnsafe(size);
  buffer?.copy(larger, 0, 0, used);
  return larger;
}

/** Returns a frame that contains a text. */
export function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, HEADER_BYTES);
  return frame;
}

/** The part of a socket that a {@link FrameWriter} uses. */
export interface FrameSink {
  cork(): void;
  uncork(): void;
  write(chunk: Uint8Array, done?: (error?: Error | null) => void): boolean;
}

interface Waiting {
  readonly frame: Buffer;
  readonly handedOver: (() => void) | undefined;
  readonly done: (() => void) | undefined;
}

/** Writes frames: those of one turn of the event loop are sent in one system call. */
export class FrameWriter {
  readonly #sink: FrameSink;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** The bytes that were not passed to the socket yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /**
   * Writes a text as a frame, and returns its length in bytes.
   *
   * @param events - `handedOver` is called when the frame is passed to the socket: from then on bytes of it
   * may
   * have been sent. `done` is called when the socket has released it, sent or not.
   */
  write(text: string, events: { handedOver?: () => void; done?: () => void } = {}): number {
    const frame = frameOf(text);
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push({ frame, handedOver: events.handedOver, done: events.done });
    this.#waitingBytes += frame.length;
    return frame.length;
  }

  /** Passes the waiting frames to the socket. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#sink.cork();
    for (const group of groupsOf(waiting)) {
      for (const { handedOver } of group) handedOver?.();
      const frames = group.map(({ frame }) => frame);
      this.#sink.write(joined(frames), () => {
        for (const { done } of group) done?.();
      });
    }
    this.#sink.uncork();
  }

  /** Discards the waiting frames, because the connection is closed. */
  drop(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { done } of waiting) done?.();
  }
}

/** Returns the waiting frames in groups, in order. Each group is sent as one piece. */
function groupsOf(waiting: readonly Waiting[]): Waiting[][] {
  const groups: Waiting[][] = [];
  let group: Waiting[] = [];
  let bytesLeft = 0;
  for (const item of waiting) {
    bytesLeft -= item.frame.length;
    if (bytesLeft < 0) {
      group = [];
      groups.push(group);
      bytesLeft = JOINED_BYTES - item.frame.length;
    }
    group.push(item);
  }
  return groups;
}

function joined(frames: readonly Buffer[]): Buffer {
  const [only] = frames;
  return frames.length === 1 && only !== undefined ? only : Buffer.concat(frames);
}
