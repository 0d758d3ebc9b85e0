import { constants, isUtf8 } from "node:buffer";
import { asBuffer } from "../../primitives/bytes.js";
import { RequestTooLargeError } from "../../vault/errors.js";

/**
 * Returns the text of bytes, including a byte order mark; `undefined` if they are not UTF-8.
 *
 * Takes a fraction of the time of a `TextDecoder` with `fatal`.
 *
 * @throws {@link RequestTooLargeError} The text is longer than a string can be.
 */
export function strictUtf8(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  if (bytes.length > constants.MAX_STRING_LENGTH) throw new RequestTooLargeError();
  return asBuffer(bytes).toString("utf8");
}
