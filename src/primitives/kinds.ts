/**
 * Recognises built-in objects of any realm by their internal slots.
 *
 * `instanceof` accepts only classes of its own realm: it rejects a `Map` of a jsdom window or of a `node:vm`
 * context. Most objects are plain objects or arrays; they are excluded first, because Node's check is slower.
 */
import {
  isArrayBuffer as isArrayBufferObject,
  isDate as isDateObject,
  isMap as isMapObject,
  isNativeError,
  isSet as isSetObject,
} from "node:util/types";

/**
 * Returns whether an object, of any realm, is a plain object: an object literal or a result of `JSON.parse`.
 */
export function isPlainObject(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null || isRootPrototype(prototype);
}

/** Returns whether a value is the `Object.prototype` of any realm. */
function isRootPrototype(value: unknown): boolean {
  return Object.getPrototypeOf(value) === null && Object.hasOwn(value as object, "isPrototypeOf");
}

/** Returns whether an object is an instance of a built-in class, `depth` prototypes below the root. */
export function isBuiltIn(object: object, depth: number): boolean {
  let prototype: unknown = Object.getPrototypeOf(object);
  for (let level = 0; level < depth; level++) {
    if (prototype === null) return false;
    prototype = Object.getPrototypeOf(prototype);
  }
  return prototype !== null && isRootPrototype(prototype);
}

/** Returns whether a value is a `Map`. */
export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return mayBeBuiltIn(value) && isMapObject(value);
}

/** Returns whether a value is a `Set`. */
export function isSet(value: unknown): value is ReadonlySet<unknown> {
  return mayBeBuiltIn(value) && isSetObject(value);
}

/** Returns whether a value is a `Date`. */
export function isDate(value: unknown): value is Date {
  return mayBeBuiltIn(value) && isDateObject(value);
}

/** Returns whether a value is an `ArrayBuffer`; `false` for a `SharedArrayBuffer`. */
export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return mayBeBuiltIn(value) && isArrayBufferObject(value);
}

/**
 * Returns whether a value is an error of a built-in class or of a class that extends it.
 *
 * It searches the prototypes for that name, because instances of subclasses have other names.
 */
export function isErrorOf(
  value: unknown,
  name: "RangeError" | "SyntaxError" | "TypeError",
): value is Error {
  if (!isNativeError(value)) return false;
  let prototype: unknown = Object.getPrototypeOf(value);
  while (prototype !== null) {
    if (Object.getOwnPropertyDescriptor(prototype, "name")?.value === name) return true;
    prototype = Object.getPrototypeOf(prototype);
  }
  return false;
}

/** Returns whether a value has the members of an `AbortSignal`. Node has no test for the class itself. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== "object" || value === null) return false;
  const signal = value as Partial<AbortSignal>;
  const methods = [signal.addEventListener, signal.removeEventListener, signal.throwIfAborted];
  const hasMethods = methods.every((method) => typeof method === "function");
  return hasMethods && typeof signal.aborted === "boolean";
}

function mayBeBuiltIn(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.getPrototypeOf(value) !== Object.prototype;
}
