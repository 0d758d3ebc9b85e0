/** Encodes a text that comes in pieces, of which one may end within a surrogate pair. */
export class Utf8Encoder {
  readonly #encoder = new TextEncoder();
  /** The first half of a pair whose second half may come yet. */
  #held = "";

  /** Returns the bytes that are certain by now: those of the whole text, in pieces. */
  encode(piece: string): Uint8Array {
    const text = this.#held + piece;
    const end = isHighSurrogate(text.charCodeAt(text.length - 1)) ? -1 : text.length;
    this.#held = end === -1 ? text.slice(end) : "";
    return this.#encoder.encode(text.slice(0, end));
  }

  /** Returns the rest of the bytes. */
  end(): Uint8Array {
    return this.#encoder.encode(this.#held);
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
