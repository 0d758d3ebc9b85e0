/**
 * MessagePack (https://msgpack.org), for payloads that JSON cannot carry and for tables.
 *
 * @module
 */
import { lazily, loadPeer } from "../../load-peer.js";
import type { Serializer } from "../../vault/contracts.js";
import { MAX_DEPTH, MAX_VALUES, unserializable } from "./unserializable.js";

/** What the walk in progress may still visit. */
let valuesLeft = 0;

/** The part of msgpackr's `Packr` that is used here. */
interface Packr {
  pack(data: unknown): Uint8Array;
  unpack(bytes: Uint8Array): unknown;
}

const OPTIONS = {
  useRecords: true,
  mapsAsObjects: false,
  moreTypes: true,
  useBigIntExtension: true,
  // Decoded bytes must not be views into a buffer that is about to be wiped.
  copyBuffers: true,
  useToJSON: false,
} as const;

/**
 * Returns the serializer for JSON data and also `undefined`, NaN, infinities, big integers, dates,
 * maps, sets, `ArrayBuffer`s, `DataView`s and typed arrays, all of which come back as they were.
 *
 * Refused with a `TypeError` that names the place: −0, holes, members named `__proto__`, text that is
 * not well-formed, other class instances, functions, symbols, cycles. Needs the package `msgpackr`.
 *
 * @example
 * ```ts
 * const codec = new VaultCodec({ serializer: messagePackSerializer() });
 * ```
 */
export function messagePackSerializer(): Serializer {
  const packr = lazily("messagePackSerializer", async (): Promise<Packr> => {
    const { Packr } = await loadPeer("msgpackr", () => import("msgpackr"));
    return new Packr(OPTIONS);
  });
  return {
    id: 4,
    ready: packr.ready,
    serialize(data) {
      valuesLeft = MAX_VALUES;
      if (!isCarried(data, MAX_DEPTH)) throw unserializable(data, describe);
      return packr.get().pack(data);
    },
    deserialize: (bytes) => packr.get().unpack(bytes),
  };
}

/** Tells whether MessagePack, as it is set up here, carries a value exactly. */
function isCarried(value: unknown, depth: number): boolean {
  valuesLeft -= 1;
  if (valuesLeft < 0 || describe(value) !== undefined) return false;
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && partsAreCarried(value, depth - 1);
}

function partsAreCarried(value: object, depth: number): boolean {
  if (Array.isArray(value)) return value.every((item) => isCarried(item, depth));
  if (value instanceof Set) {
    for (const item of value) if (!isCarried(item, depth)) return false;
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      if (!isCarried(key, depth) || !isCarried(item, depth)) return false;
    }
  } else if (isObject(value)) {
    return Object.values(value).every((member) => isCarried(member, depth));
  }
  return true;
}

/** Says why a single value cannot be carried, or `undefined` if what it holds decides. */
function describe(value: unknown): string | undefined {
  switch (typeof value) {
    case "function":
      return "a function";
    case "symbol":
      return "a symbol";
    case "number":
      return Object.is(value, -0) ? "-0" : undefined;
    case "string":
      return value.isWellFormed() ? undefined : "text that is not well-formed Unicode";
    case "object":
      return value === null ? undefined : describeObject(value);
    default:
      return undefined;
  }
}

function describeObject(value: object): string | undefined {
  if (Array.isArray(value)) {
    if (!Array.isArray(Object.getPrototypeOf(value))) return "an instance of a class";
    return hasHole(value) ? "an array with holes" : undefined;
  }
  if (isObject(value)) {
    if (Object.hasOwn(value, "__proto__")) return "an object with a member __proto__";
    return Object.keys(value).every((key) => key.isWellFormed())
      ? undefined
      : "an object with a member name that is not well-formed Unicode";
  }
  return isKnownClass(value) ? undefined : "an instance of a class";
}

function hasHole(array: readonly unknown[]): boolean {
  // `includes` takes a hole for undefined; few arrays hold either.
  if (!array.includes(undefined)) return false;
  for (let index = 0; index < array.length; index++) if (!(index in array)) return true;
  return false;
}

/** Tells objects of literals and of `JSON.parse` from instances of classes. */
function isObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const KNOWN_PROTOTYPES: ReadonlySet<unknown> = new Set(
  [
    Date,
    Map,
    Set,
    ArrayBuffer,
    DataView,
    Buffer,
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
  ].map((known) => known.prototype),
);

function isKnownClass(value: object): boolean {
  return KNOWN_PROTOTYPES.has(Object.getPrototypeOf(value));
}
