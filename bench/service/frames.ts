/** Frames for echoes and loads, without the limits of a service. */

const HEADER_BYTES = 4;

/** Returns a text as a frame. */
export function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  frame.writeUInt32BE(length, 0);
  frame.write(text, HEADER_BYTES);
  return frame;
}

/** Extracts frames from received bytes. */
export class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);

  /** Returns the bodies of the frames that are complete now. */
  push(chunk: Buffer): Buffer[] {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const bodies: Buffer[] = [];
    let at = 0;
    while (all.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + all.readUInt32BE(at);
      if (end > all.length) break;
      bodies.push(all.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    this.#rest = all.subarray(at);
    return bodies;
  }
}
