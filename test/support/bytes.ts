/** Returns a copy with one bit changed; bit 0 is the lowest of the first byte. */
export function withFlippedBit(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = bit >> 3;
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit & 7)), at);
  return copy;
}

/** Returns `count` pseudo-random bytes, which are the same in every run. */
export function pseudoRandomBytes(count: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < count; index++) {
    // Marsaglia's xorshift32.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state & 0xff;
  }
  return bytes;
}

/** Returns `count` bytes that every compressor shrinks considerably. */
export function compressibleBytes(count: number): Buffer {
  return Buffer.alloc(count, "name=Ada Lovelace;balance=1234.56;");
}

/** Returns the usual text encodings of a secret's bytes. */
export function shownForms(secret: Uint8Array): string[] {
  const bytes = Buffer.from(secret);
  return [
    bytes.toString("latin1"),
    bytes.toString("hex"),
    bytes.toString("hex").replace(/(..)(?=.)/g, "$1 "),
    bytes.toString("base64"),
    bytes.toString("base64url"),
    [...bytes].join(", "),
    [...bytes].join(","),
  ];
}
