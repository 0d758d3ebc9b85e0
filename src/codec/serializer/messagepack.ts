/**
 * MessagePack (https://msgpack.org), for tables, and for payloads that are not JSON data.
 *
 * @module
 */

import { lazily, loadPeer } from "../../load-peer.js";
import { isArrayBuffer, isMap, isPlainObject, isSet } from "../../primitives/kinds.js";
import type { ArgumentRule } from "../../vault/argument-errors.js";
import type { Serializer } from "../../vault/contracts.js";
import { PayloadTooLargeError } from "../../vault/errors.js";
import { isBuiltInValue, isOfOwnRealm, toOwnRealm } from "./own-realm.js";
import { MAX_DEPTH, MAX_VALUES, unserializable } from "./unserializable.js";

/** How many more values the current check may visit. */
let valuesLeft = 0;
/** How many more bytes the payload may have, counting the minimum for each value. */
let bytesLeft = 0;
/** Whether the payload has objects of other realms, which msgpackr does not recognise. */
let hasForeign = false;

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
  // Decoded bytes must not be views of a buffer that is wiped afterwards.
  copyBuffers: true,
  useToJSON: false,
} as const;

/**
 * Returns the serializer for JSON data and also `undefined`, NaN, infinities, big integers, dates, maps,
 * sets, `ArrayBuffer`s, `DataView`s and typed arrays. It restores all of them exactly.
 *
 * It refuses, with a `TypeError` that names the place: −0, holes, members named `__proto__`, text that is
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
    serialize(data, maxBytes) {
      checkCarried(data, maxBytes);
      return packr.get().pack(hasForeign ? toOwnRealm(data) : data);
    },
    deserialize: (bytes) => packr.get().unpack(bytes),
  };
}

function checkCarried(data: unknown, maxBytes: number = Number.POSITIVE_INFINITY): void {
  valuesLeft = MAX_VALUES;
  bytesLeft = maxBytes;
  hasForeign = false;
  if (isCarried(data, MAX_DEPTH)) return;
  throw bytesLeft < 0 ? new PayloadTooLargeError() : unserializable(data, describe);
}

/** Returns whether MessagePack, with the options above, restores a value exactly. */
function isCarried(value: unknown, depth: number): boolean {
  valuesLeft -= 1;
  bytesLeft -= minBytesOf(value);
  if (valuesLeft < 0 || bytesLeft < 0 || describe(value) !== undefined) return false;
  if (typeof value !== "object" || value === null) return true;
  if (!isOfOwnRealm(value)) hasForeign = true;
  return depth > 0 && partsAreCarried(value, depth - 1);
}

/** Returns the minimum size of a value. Member names do not count: objects with the same names share them. */
function minBytesOf(value: unknown): number {
  if (typeof value === "string") return 1 + value.length;
  return ArrayBuffer.isView(value) || isArrayBuffer(value) ? 1 + value.byteLength : 1;
}

function partsAreCarried(value: object, depth: number): boolean {
  if (Array.isArray(value)) return value.every((item) => isCarried(item, depth));
  if (isSet(value)) {
    for (const item of value) if (!isCarried(item, depth)) return false;
  } else if (isMap(value)) {
    for (const [key, item] of value) {
      if (!isCarried(key, depth) || !isCarried(item, depth)) return false;
    }
  } else if (isPlainObject(value)) {
    return Object.values(value).every((member) => isCarried(member, depth));
  }
  return true;
}

/** Returns why a single value cannot be serialized; `undefined` if only its members can make it invalid. */
function describe(value: unknown): ArgumentRule | undefined {
  switch (typeof value) {
    case "function":
      return "function";
    case "symbol":
      return "symbol";
    case "number":
      return Object.is(value, -0) ? "negativeZero" : undefined;
    case "string":
      return value.isWellFormed() ? undefined : "malformedText";
    case "object":
      return value === null ? undefined : describeObject(value);
    default:
      return undefined;
  }
}

function describeObject(value: object): ArgumentRule | undefined {
  if (Array.isArray(value)) {
    if (!Array.isArray(Object.getPrototypeOf(value))) return "classInstance";
    return hasHole(value) ? "holes" : undefined;
  }
  if (isPlainObject(value)) {
    if (Object.hasOwn(value, "__proto__")) return "protoMember";
    return Object.keys(value).every((key) => key.isWellFormed()) ? undefined : "malformedName";
  }
  return isBuiltInValue(value) ? undefined : "classInstance";
}

function hasHole(array: readonly unknown[]): boolean {
  // A fast check first: `includes` treats a hole as undefined, and few arrays contain either.
  if (!array.includes(undefined)) return false;
  for (let index = 0; index < array.length; index++) if (!(index in array)) return true;
  return false;
}
