/**
 * Encodes payloads in JSON: bytes as base64, marked by a member next to the payload. A marker inside the
 * payload could be forged by the caller that chooses the payload.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { asBuffer, isBytes } from "../../primitives/bytes.js";
import { typeFault } from "../../vault/argument-errors.js";
import { OPERATIONS, type OperationName } from "../service/operations.js";

export { readJsonParams, readJsonResponse, writeJson } from "./text.js";

/**
 * Returns parameters or a result of an operation with `data` as a native value, and without
 * `data_encoding`. A message with neither member is returned unchanged.
 *
 * @throws TypeError `data_encoding` is neither `"json"` nor `"base64"`, or `data` is not base64.
 */
export function takeJsonData(operation: OperationName, message: unknown): unknown {
  return convert(operation, message, take);
}

/**
 * Returns parameters or a result of an operation in a form that JSON can carry: bytes in base64, with
 * `data_encoding: "base64"` next to them. All other payloads are JSON data already.
 */
export function giveJsonData(operation: OperationName, message: object): object {
  return convert(operation, message, give) as object;
}

type Members = Readonly<Record<string, unknown>>;

/** Applies a conversion to each object of a message that contains a payload. */
function convert(
  operation: OperationName,
  message: unknown,
  one: (holder: Members) => Members,
): unknown {
  if (!isObject(message)) return message;
  switch (OPERATIONS[operation].payload) {
    case "message":
      return one(message);
    case "requests":
      return withEach(message, "requests", one);
    case "outcomes":
      return withEach(message, "outcomes", (outcome) =>
        isObject(outcome["value"]) ? { ...outcome, value: one(outcome["value"]) } : outcome,
      );
    default:
      return message;
  }
}

function withEach(message: Members, list: string, one: (item: Members) => Members): Members {
  const items = message[list];
  if (!Array.isArray(items)) return message;
  return { ...message, [list]: items.map((item: unknown) => (isObject(item) ? one(item) : item)) };
}

function take(holder: Members): Members {
  if (!Object.hasOwn(holder, "data_encoding")) return holder;
  const { data_encoding: encoding, ...rest } = holder;
  if (encoding === "json") return rest;
  if (encoding === "base64") return { ...rest, data: bytesOf(rest["data"]) };
  throw typeFault("data_encoding", "encoding");
}

function give(holder: Members): Members {
  const { data } = holder;
  if (!isBytes(data)) return holder;
  return { ...holder, data: asBuffer(data).toString("base64"), data_encoding: "base64" };
}

/** Node ignores characters that are not base64, so only the exact spelling that Node writes is accepted. */
function bytesOf(data: unknown): Uint8Array {
  if (typeof data !== "string") throw typeFault("data", "base64");
  const bytes = Buffer.from(data, "base64");
  if (bytes.toString("base64") !== data) throw typeFault("data", "base64");
  return new Uint8Array(bytes);
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
