/** Reads a request's body, never more of it than the limit. */
import { Buffer } from "node:buffer";
import { RequestTooLargeError } from "../../vault/errors.js";
import { REFUSALS, RefusedError } from "./refusal.js";

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** What tells how a body is to be read. */
export type HeaderReader = (name: string) => string | undefined;

/**
 * Throws unless the headers announce plain JSON within the limit.
 *
 * A web page can send other types to any server without asking; a small compressed body can stand for
 * a large one.
 */
export function checkBodyHeaders(header: HeaderReader, maxBytes: number): void {
  if (!JSON_TYPE.test(header("content-type") ?? "")) throw new RefusedError(REFUSALS.mediaType);
  if (header("content-encoding") !== undefined) throw new RefusedError(REFUSALS.encoding);
  const announced = header("content-length");
  if (announced !== undefined && Number(announced) > maxBytes) throw new RequestTooLargeError();
}

/** Returns the text of a body; stops reading as soon as it is over the limit. */
export async function readText(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new RequestTooLargeError();
    parts.push(chunk);
  }
  return decodedText(Buffer.concat(parts));
}

/** Returns the text of a body in UTF-8. */
export function decodedText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new RefusedError(REFUSALS.malformed);
  }
}
