/**
 * The id of a response. It shows clients that the response is from one of our servers, and operators find the
 * request by it.
 */
import { randomHex } from "../../primitives/random-pool.js";

/** The HTTP header with the id. Gateways do not set a header of this name. */
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
