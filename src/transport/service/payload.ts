import { checkJson } from "../../codec/serializer/json.js";
import { isBytes } from "../../primitives/bytes.js";

/**
 * Throws unless every wire can carry a payload: bytes, text or JSON data.
 *
 * @throws TypeError It contains other data; the message names the place, never the value.
 */
export function checkPayload(data: unknown): void {
  if (!isBytes(data) && typeof data !== "string") checkJson(data);
}

/** Returns the approximate size of a payload on a wire, in characters or bytes. */
export function sizeOf(data: unknown): number {
  if (isBytes(data)) return Math.ceil((data.byteLength * 4) / 3);
  return typeof data === "string" ? data.length : JSON.stringify(data).length;
}
