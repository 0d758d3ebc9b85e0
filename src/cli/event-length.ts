/** How long an event of a stream is, before anything has read the stream. */

const LF = 0x0a;
const CR = 0x0d;

/**
 * Counts the bytes of a server-sent event while they come.
 *
 * Source: HTML Living Standard, 9.2.5 (parsing an event stream): lines end with CRLF, LF or CR, events
 * with a blank line.
 */
export class EventLength {
  #length = 0;
  #isLineEmpty = true;
  #isAfterCr = false;

  /** Returns the length of the longest event that is in a chunk, with what came of it before. */
  after(chunk: Uint8Array): number {
    let longest = this.#length;
    for (const byte of chunk) {
      this.#take(byte);
      if (this.#length > longest) longest = this.#length;
    }
    return longest;
  }

  #take(byte: number): void {
    const isRestOfLineEnd = byte === LF && this.#isAfterCr;
    this.#isAfterCr = byte === CR;
    if (isRestOfLineEnd) return;
    if (byte !== LF && byte !== CR) {
      this.#isLineEmpty = false;
      this.#length += 1;
      return;
    }
    if (this.#isLineEmpty) this.#length = 0;
    this.#isLineEmpty = true;
  }
}
