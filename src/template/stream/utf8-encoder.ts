/** Encodes a text that arrives in chunks, which may end within a surrogate pair. */
export class Utf8Encoder {
  readonly #encoder = new TextEncoder();
  /** The first half of a surrogate pair whose second half may follow. */
  #held = "";

  /** Returns the bytes that are certain so far. All results together are the encoding of the whole text. */
  encode(piece: string): Uint8Array {
    const text = this.#held + piece;
    const end = isHighSurrogate(text.charCodeAt(text.length - 1)) ? -1 : text.length;
    this.#held = end === -1 ? text.slice(end) : "";
    return this.#encoder.encode(text.slice(0, end));
  }

  /** Returns the remaining bytes. */
  end(): Uint8Array {
    return this.#encoder.encode(this.#held);
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
