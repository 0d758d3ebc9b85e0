import { constants, isUtf8 } from "node:buffer";
import { asBuffer } from "../../primitives/bytes.js";
import { RequestTooLargeError } from "../../vault/errors.js";

/**
 * Returns the text of bytes, a byte order mark included; `undefined` if they are not UTF-8.
 *
 * Takes a fraction of the time of a `TextDecoder` that is fatal.
 *
 * @throws {@link RequestTooLargeError} No string is as long.
 */
export function strictUtf8(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  if (bytes.length > constants.MAX_STRING_LENGTH) throw new RequestTooLargeError();
  return asBuffer(bytes).toString("utf8");
}
