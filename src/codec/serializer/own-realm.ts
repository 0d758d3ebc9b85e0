/** Converts built-in objects of other realms (vm contexts, windows of jsdom and happy-dom). */
import { Buffer } from "node:buffer";
import { typedArrayName } from "../../primitives/bytes.js";
import { isArrayBuffer, isBuiltIn, isDate, isMap, isSet } from "../../primitives/kinds.js";

const TYPED_ARRAYS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;
const CLASSES = [Date, Map, Set, ArrayBuffer, DataView, ...Object.values(TYPED_ARRAYS)];
const PLAIN: ReadonlySet<unknown> = new Set([Object.prototype, Array.prototype, null]);

/** The prototypes of the supported built-in classes; `Buffer` only if it belongs to this realm. */
const OWN: ReadonlySet<unknown> = new Set([
  ...CLASSES.map(({ prototype }) => prototype),
  ...(Buffer.prototype instanceof Uint8Array ? [Buffer.prototype] : []),
]);

/** Returns whether an object belongs to this realm, judged by its prototype. */
export function isOfOwnRealm(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return PLAIN.has(prototype) || OWN.has(prototype);
}

/** Returns whether an object is a supported built-in of any realm, and not an instance of a subclass. */
export function isBuiltInValue(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (OWN.has(prototype) || prototype === Buffer.prototype) return true;
  const name = typedArrayName(value);
  if (name !== undefined) return Object.hasOwn(TYPED_ARRAYS, name) && isBuiltIn(value, 2);
  const isKnown =
    isDate(value) || isMap(value) || isSet(value) || isArrayBuffer(value) || isDataView(value);
  return isKnown && isBuiltIn(value, 1);
}

/** Returns a deep copy of a value in which every object belongs to this realm. */
export function toOwnRealm(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Array.from(value, toOwnRealm);
  if (isMap(value))
    return new Map([...value].map((entry) => entry.map(toOwnRealm) as [unknown, unknown]));
  if (isSet(value)) return new Set([...value].map(toOwnRealm));
  if (isDate(value)) return new Date(value.getTime());
  if (isArrayBuffer(value)) return memoryOf(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) return viewOf(value);
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, toOwnRealm(member)]),
  );
}

function isDataView(value: unknown): boolean {
  return ArrayBuffer.isView(value) && typedArrayName(value) === undefined;
}

function viewOf(view: ArrayBufferView): ArrayBufferView {
  const name = typedArrayName(view) as keyof typeof TYPED_ARRAYS | undefined;
  const memory = memoryOf(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return name === undefined ? new DataView(memory) : new TYPED_ARRAYS[name](memory);
}

function memoryOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}
