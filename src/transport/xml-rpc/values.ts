/** Reads XML-RPC values as JavaScript's: numbers, text, booleans, null, bytes, arrays, plain objects. */

import { typeFault } from "../../vault/argument-errors.js";
import type { XmlReader } from "./reader.js";
import {
  readBase64,
  readBoolean,
  readDateTime,
  readDouble,
  readInt32,
  readSafeInteger,
} from "./scalars.js";
import { XmlRpcSyntaxError } from "./syntax-error.js";

/** The maximum nesting depth of arrays and structs. */
export const MAX_DEPTH = 64;
/** The maximum number of values in a document, over all levels. */
export const MAX_VALUES = 250_000;

/** Options for reading documents. */
export interface ReadOptions {
  /**
   * Whether a `dateTime.iso8601` is returned as an `XmlRpcDateTime` or refused with a `TypeError`. Without a
   * time zone,
   * a sealed date would not identify a moment. Default: `"keep"`.
   */
  readonly dates?: "keep" | "refuse" | undefined;
}

type ReadScalar = (text: string) => unknown;

const SCALARS: ReadonlyMap<string, ReadScalar> = new Map<string, ReadScalar>([
  ["int", readInt32],
  ["i4", readInt32],
  ["i8", readSafeInteger],
  ["double", readDouble],
  ["boolean", readBoolean],
  ["string", (text) => text],
  ["base64", readBase64],
  ["dateTime.iso8601", readDateTime],
  ["nil", readNil],
]);
const SCALARS_WITHOUT_DATES: ReadonlyMap<string, ReadScalar> = new Map<string, ReadScalar>([
  ...SCALARS,
  ["dateTime.iso8601", refuseDate],
]);
const NOT_SPACE = /[^ \t\r\n]/;

/**
 * Reads the values of one document. A value without type is text, a `dateTime.iso8601` is an
 * `XmlRpcDateTime`, and a
 * struct is an object with only own members, including `__proto__`.
 */
export class ValueReader {
  readonly #reader: XmlReader;
  readonly #types: ReadonlyMap<string, ReadScalar>;
  #valuesLeft = MAX_VALUES;

  constructor(reader: XmlReader, { dates = "keep" }: ReadOptions = {}) {
    this.#reader = reader;
    this.#types = dates === "keep" ? SCALARS : SCALARS_WITHOUT_DATES;
  }

  /**
   * Reads a whole `<value>`. The depth limits recursion.
   *
   * @throws {@link XmlRpcSyntaxError} The next element is not a value, or exceeds a limit.
   */
  value(depth: number = MAX_DEPTH): unknown {
    this.#reader.open("value");
    if (this.#valuesLeft-- <= 0) throw new XmlRpcSyntaxError("values");
    const text = this.#reader.text();
    const type = this.#reader.tryOpen();
    const value = type === undefined ? text : this.#typed(type, text, depth);
    this.#reader.close();
    return value;
  }

  #typed(type: string, before: string, depth: number): unknown {
    if (NOT_SPACE.test(before)) throw new XmlRpcSyntaxError("text");
    const value = this.#content(type, depth);
    this.#reader.close();
    return value;
  }

  #content(type: string, depth: number): unknown {
    const read = this.#types.get(type);
    if (read !== undefined) return read(this.#reader.text());
    if (type !== "array" && type !== "struct") throw new XmlRpcSyntaxError("element");
    if (depth === 0) throw new XmlRpcSyntaxError("depth");
    return type === "array" ? this.#array(depth - 1) : this.#struct(depth - 1);
  }

  #array(depth: number): unknown[] {
    const values: unknown[] = [];
    this.#reader.open("data");
    while (this.#reader.hasChild()) values.push(this.value(depth));
    this.#reader.close();
    return values;
  }

  #struct(depth: number): Record<string, unknown> {
    const members: Record<string, unknown> = {};
    while (this.#reader.hasChild()) {
      this.#reader.open("member");
      const name = this.#name();
      if (Object.hasOwn(members, name)) throw new XmlRpcSyntaxError("member");
      setMember(members, name, this.value(depth));
      this.#reader.close();
    }
    return members;
  }

  #name(): string {
    this.#reader.open("name");
    const name = this.#reader.text();
    this.#reader.close();
    return name;
  }
}

function setMember(members: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") {
    members[name] = value;
    return;
  }
  // An assignment would set the object's prototype.
  Object.defineProperty(members, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function readNil(text: string): null {
  if (text !== "") throw new XmlRpcSyntaxError("value");
  return null;
}

function refuseDate(): never {
  throw typeFault("data", "xmlDates");
}
