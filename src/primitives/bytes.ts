import { Buffer } from "node:buffer";
import { createSecretKey, type KeyObject } from "node:crypto";
import { isUint8Array } from "node:util/types";

/** The most bytes of UTF-8 that a character of a JavaScript string takes. */
export const MAX_UTF8_RATIO = 3;

/**
 * Tells whether a value is a `Uint8Array` (a `Buffer` is one), whichever realm made it.
 *
 * `instanceof` knows the arrays of one realm only: under jsdom, happy-dom or `node:vm` it refuses the
 * buffers of Node itself. It also believes an object that merely inherits from the prototype.
 */
export function isBytes(value: unknown): value is Uint8Array {
  return isUint8Array(value);
}

/** Returns a view of the same bytes with the methods of `Buffer`. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
const lengthOf: (this: Uint8Array) => number = getter("byteLength");
const offsetOf: (this: Uint8Array) => number = getter("byteOffset");
const tagOf: (this: Uint8Array) => string | undefined = getter(Symbol.toStringTag);
const bufferOf: (this: Uint8Array) => ArrayBufferLike = getter("buffer");

/** Returns the bytes that an array really has, whatever its own members say. */
export function trueBytes(bytes: Uint8Array): Buffer {
  return Buffer.from(bufferOf.call(bytes), offsetOf.call(bytes), lengthOf.call(bytes));
}

/** Returns the name of a typed array's class, such as `Float64Array`; nothing for all else. */
export function typedArrayName(value: unknown): string | undefined {
  return tagOf.call(value as Uint8Array);
}

function getter<T>(name: string | symbol): (this: Uint8Array) => T {
  const get = Object.getOwnPropertyDescriptor(typedArray, name)?.get;
  if (get === undefined) throw new TypeError(`typed arrays have no ${String(name)}`);
  return get;
}

/** Returns the same bytes in memory of their own, which can be wiped and has no neighbours. */
export function ownCopy(bytes: Uint8Array): Buffer {
  const source = trueBytes(bytes);
  const copy = Buffer.allocUnsafeSlow(source.length);
  source.copy(copy);
  return copy;
}

/** Returns a text's UTF-8 in memory of its own, which can be wiped and has no neighbours. */
export function ownUtf8(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text, "utf8");
  return bytes;
}

/** Returns a key object of bytes that nobody else needs, and overwrites them. */
export function takeKey(bytes: Uint8Array): KeyObject {
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
