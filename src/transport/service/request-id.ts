/** The id of an answer: by it, a client knows that the answer is one of our servers', and an operator finds it. */
import { randomHex } from "../../primitives/random-pool.js";

/** The header of HTTP that carries the id; a name that no gateway writes of its own accord. */
export const REQUEST_ID_HEADER = "handlevault-request-id";

const BYTES = 8;
const REQUEST_ID = /^[0-9a-f]{16}$/;

/** Returns a new id: 16 hexadecimal digits. */
export function newRequestId(): string {
  return randomHex(BYTES);
}

/** Returns `value` if it has the form of an id, else `undefined`. */
export function requestIdOf(value: unknown): string | undefined {
  return typeof value === "string" && REQUEST_ID.test(value) ? value : undefined;
}
