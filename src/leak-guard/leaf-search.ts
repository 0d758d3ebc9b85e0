import { isBytes } from "../primitives/bytes.js";
import { isArrayBuffer, isDate, isMap, isSet } from "../primitives/kinds.js";
import { isFieldName, MAX_FIELDS } from "./field-names.js";
import { LeakCandidate, type Step } from "./leak-candidate.js";
import type { ViewIndex } from "./view-index.js";

/** The limits on depth and number of values, the same as those of the serializers. */
const MAX_DEPTH = 256;
export const MAX_VALUES: number = 2 ** 24;

/** The input of a {@link LeafSearch}. */
export interface LeafSearchOptions {
  readonly index: ViewIndex;
  /** Whether every text in the payload is known to be ASCII. */
  readonly isAscii: boolean;
  /** Returns whether a candidate is a leak. The search continues if it is not. */
  readonly confirm: (candidate: LeakCandidate) => boolean;
}

/**
 * Searches a payload for leaves that a safe view repeats.
 *
 * Leaves are texts, numbers, dates, bytes, and member names that are data: names that are not identifiers,
 * and all names in an object with more than {@link MAX_FIELDS} members.
 */
export class LeafSearch {
  readonly #index: ViewIndex;
  readonly #isAscii: boolean;
  readonly #confirm: (candidate: LeakCandidate) => boolean;
  readonly #steps: Step[] = [];
  #valuesLeft = MAX_VALUES;

  constructor({ index, isAscii, confirm }: LeafSearchOptions) {
    this.#index = index;
    this.#isAscii = isAscii;
    this.#confirm = confirm;
  }

  /**
   * Returns whether the payload contains a confirmed candidate.
   *
   * @throws TypeError The payload is nested too deep or has too many values.
   */
  in(data: unknown): boolean {
    if (typeof data !== "object" || data === null) {
      return this.#isCandidate(data) && this.#confirm(new LeakCandidate(data, []));
    }
    return this.#inObject(data);
  }

  #inObject(object: object): boolean {
    if (Array.isArray(object)) return this.#inArray(object);
    if (isDate(object)) return this.#inDate(object);
    if (isMap(object)) return this.#inMap(object);
    if (isSet(object)) return this.#inArray([...object]);
    if (ArrayBuffer.isView(object) || isArrayBuffer(object)) return this.#inBytes(object);
    return this.#inMembers(object as Record<string, unknown>);
  }

  #inArray(array: readonly unknown[]): boolean {
    this.#count(array.length);
    for (let index = 0; index < array.length; index++) {
      if (this.#inMember({ parent: array, key: index }, array[index])) return true;
    }
    return false;
  }

  #inMembers(object: Record<string, unknown>): boolean {
    const names = Object.keys(object);
    this.#count(names.length);
    const data = names.length > MAX_FIELDS ? names : names.filter((name) => !isFieldName(name));
    if (data.some((name) => this.#inMember({ parent: object, key: name, isName: true }, name)))
      return true;
    return names.some((name) => this.#inMember({ parent: object, key: name }, object[name]));
  }

  #inMember(step: Step, value: unknown): boolean {
    if (typeof value === "object" && value !== null) return this.#descend(step, value);
    return (
      this.#isCandidate(value) && this.#confirm(new LeakCandidate(value, [...this.#steps, step]))
    );
  }

  #inMap(map: ReadonlyMap<unknown, unknown>): boolean {
    this.#count(map.size);
    for (const [key, value] of map) {
      const isName = typeof key === "string" && isFieldName(key) && map.size <= MAX_FIELDS;
      if (!isName && this.#inMember({ parent: map, key, isName: true }, key)) return true;
      if (this.#inMember({ parent: map, key }, value)) return true;
    }
    return false;
  }

  #inDate(date: Date): boolean {
    return !Number.isNaN(date.getTime()) && this.#isHere(date.toISOString());
  }

  /** Searches memory as bytes, and typed arrays with longer elements also as numbers. */
  #inBytes(bytes: ArrayBufferView | ArrayBuffer): boolean {
    if (this.#isHere(bytesOf(bytes))) return true;
    const isNumbers = "BYTES_PER_ELEMENT" in bytes && bytes.BYTES_PER_ELEMENT !== 1;
    return isNumbers && this.#inArray(Array.from(bytes as unknown as ArrayLike<unknown>));
  }

  #descend(step: Step, value: object): boolean {
    if (this.#steps.length >= MAX_DEPTH) throw tooMuch();
    this.#steps.push(step);
    if (this.#inObject(value)) return true;
    this.#steps.pop();
    return false;
  }

  #isCandidate(value: unknown): boolean {
    return this.#isAscii && typeof value === "string"
      ? this.#index.hasAsciiText(value)
      : this.#index.hasLeaf(value);
  }

  /** Checks a leaf that is an object (a date or bytes): its place is the end of the current path. */
  #isHere(leaf: unknown): boolean {
    return this.#isCandidate(leaf) && this.#confirm(new LeakCandidate(leaf, [...this.#steps]));
  }

  #count(values: number): void {
    this.#valuesLeft -= values;
    if (this.#valuesLeft < 0) throw tooMuch();
  }
}

function bytesOf(bytes: ArrayBufferView | ArrayBuffer): Uint8Array {
  if (isBytes(bytes)) return bytes;
  if (isArrayBuffer(bytes)) return new Uint8Array(bytes);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function tooMuch(): TypeError {
  return new TypeError("data has too many values, or nests too deep, for the leak guard");
}
