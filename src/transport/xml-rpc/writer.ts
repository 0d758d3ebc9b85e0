/** Writes JavaScript values as XML-RPC, and refuses values that XML-RPC cannot carry unchanged. */

import { asBuffer, isBytes } from "../../primitives/bytes.js";
import { isPlainObject } from "../../primitives/kinds.js";
import { rangeFault, typeFault } from "../../vault/argument-errors.js";
import {
  countCarriageReturns,
  escapeText,
  isXmlText,
  MAX_NUMERIC_REFERENCES,
} from "./characters.js";
import { writeNumber, XmlRpcDateTime } from "./scalars.js";
import { MAX_DEPTH, MAX_VALUES } from "./values.js";

/**
 * Writes the values of one document.
 *
 * The reader returns the same values: `undefined` members count as absent, and any other value without an
 * XML-RPC type is an error. Messages contain no value.
 */
export class ValueWriter {
  #valuesLeft = MAX_VALUES;
  #referencesLeft = MAX_NUMERIC_REFERENCES;

  /**
   * Returns one `<value>`. The depth limits recursion, including cycles.
   *
   * @throws TypeError The value, or a part of it, has a type that XML-RPC lacks.
   * @throws RangeError A number is not finite, a text has characters that XML forbids, or the value is too
   * deep or has too many parts.
   */
  value(value: unknown, depth: number = MAX_DEPTH): string {
    if (this.#valuesLeft-- <= 0) {
      throw rangeFault("data", "xmlValues", MAX_VALUES);
    }
    return `<value>${this.#typed(value, depth)}</value>`;
  }

  #typed(value: unknown, depth: number): string {
    switch (typeof value) {
      case "string":
        return `<string>${this.#text(value)}</string>`;
      case "number":
        if (!Number.isFinite(value)) throw rangeFault("data", "xmlFinite");
        return writeNumber(value);
      case "boolean":
        return `<boolean>${value ? 1 : 0}</boolean>`;
      case "object":
        return value === null ? "<nil/>" : this.#object(value, depth);
      default:
        throw typeFault("data", "xmlTypes");
    }
  }

  #object(value: object, depth: number): string {
    if (isBytes(value)) return `<base64>${asBuffer(value).toString("base64")}</base64>`;
    if (value instanceof XmlRpcDateTime) {
      return `<dateTime.iso8601>${value.text}</dateTime.iso8601>`;
    }
    if (depth === 0) throw rangeFault("data", "xmlDepth", MAX_DEPTH);
    return Array.isArray(value) ? this.#array(value, depth - 1) : this.#struct(value, depth - 1);
  }

  #array(values: readonly unknown[], depth: number): string {
    let xml = "<array><data>";
    // By index, because iteration would skip a hole; as `undefined` it is refused.
    for (let index = 0; index < values.length; index++) xml += this.value(values[index], depth);
    return `${xml}</data></array>`;
  }

  #struct(struct: object, depth: number): string {
    if (!isPlainObject(struct)) {
      throw typeFault("data", "xmlPlain");
    }
    let xml = "<struct>";
    for (const [name, member] of Object.entries(struct)) {
      if (member === undefined) continue;
      const value = this.value(member, depth);
      xml += `<member><name>${this.#text(name)}</name>${value}</member>`;
    }
    return `${xml}</struct>`;
  }

  #text(text: string): string {
    if (!isXmlText(text)) {
      throw rangeFault("data", "xmlCharacters");
    }
    this.#referencesLeft -= countCarriageReturns(text);
    if (this.#referencesLeft < 0) {
      throw rangeFault("data", "xmlCarriageReturns", MAX_NUMERIC_REFERENCES);
    }
    return escapeText(text);
  }
}
