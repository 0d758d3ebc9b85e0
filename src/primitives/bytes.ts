import { Buffer } from "node:buffer";
import { createSecretKey, type KeyObject } from "node:crypto";
import { isUint8Array } from "node:util/types";

/** The most bytes of UTF-8 per UTF-16 code unit of a JavaScript string. */
export const MAX_UTF8_RATIO = 3;

/**
 * Returns whether a value is a `Uint8Array` (a `Buffer` is one) of any realm.
 *
 * `instanceof` accepts only arrays of its own realm: under jsdom, happy-dom or `node:vm` it rejects the
 * buffers of Node. It also accepts an object that only inherits from the prototype.
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

/**
 * Returns a view of the bytes of an array. Reads the internal slots, because an array's own members can
 * shadow `buffer`, `byteOffset` and `byteLength`.
 */
export function trueBytes(bytes: Uint8Array): Buffer {
  return Buffer.from(bufferOf.call(bytes), offsetOf.call(bytes), lengthOf.call(bytes));
}

/** Returns the name of a typed array's class, such as `Float64Array`; `undefined` for other values. */
export function typedArrayName(value: unknown): string | undefined {
  return tagOf.call(value as Uint8Array);
}

function getter<T>(name: string | symbol): (this: Uint8Array) => T {
  const get = Object.getOwnPropertyDescriptor(typedArray, name)?.get;
  if (get === undefined) throw new TypeError(`typed arrays have no ${String(name)}`);
  return get;
}

/** Returns a copy of some bytes in a separate allocation, outside Node's shared pool, that can be wiped. */
export function ownCopy(bytes: Uint8Array): Buffer {
  const source = trueBytes(bytes);
  const copy = Buffer.allocUnsafeSlow(source.length);
  source.copy(copy);
  return copy;
}

/** Returns a text as UTF-8 in a separate allocation, outside Node's shared pool, that can be wiped. */
export function ownUtf8(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text, "utf8");
  return bytes;
}

/** Returns a key object made of some bytes, and wipes those bytes. */
export function takeKey(bytes: Uint8Array): KeyObject {
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}
