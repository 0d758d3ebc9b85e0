/** Reads the body of a request, up to a limit. */
import { Buffer } from "node:buffer";
import { RequestTooLargeError } from "../../../vault/errors.js";
import type { OnBytes } from "./gate.js";
import { REFUSALS, type Refusal, RefusedError } from "./refusal.js";

/** Returns a header of the request whose body is read. */
export type HeaderReader = (name: string) => string | undefined;

/** The requirements for a body. */
export interface BodyRules {
  readonly mediaType: RegExp;
  /** The refusal for a different media type. */
  readonly otherMediaType: Refusal;
  readonly maxBytes: number;
}

/** Returns the pattern of a media type, with or without UTF-8 as its charset. */
export function mediaTypePattern(mediaType: string): RegExp {
  return new RegExp(`^(?:${mediaType})[ \\t]*(?:;[ \\t]*charset="?utf-8"?[ \\t]*)?$`, "i");
}

/**
 * Throws unless the headers announce a body of the right media type, uncompressed and within the limit.
 *
 * Web pages can send some other media types to any server without permission. A small compressed body can
 * expand to a large one.
 */
export function checkBodyHeaders(
  header: HeaderReader,
  { mediaType, otherMediaType, maxBytes }: BodyRules,
): void {
  if (!mediaType.test(header("content-type") ?? "")) throw new RefusedError(otherMediaType);
  if (header("content-encoding") !== undefined) throw new RefusedError(REFUSALS.encoding);
  checkBodyLength(header, maxBytes);
}

/** Throws if the announced length is over the limit. */
export function checkBodyLength(header: HeaderReader, maxBytes: number): void {
  const announced = header("content-length");
  if (announced !== undefined && Number(announced) > maxBytes) throw new RequestTooLargeError();
}

/**
 * Returns the bytes of a body; stops reading as soon as the limit is exceeded.
 *
 * @throws {@link RequestTooLargeError} The body is too large; errors thrown by `arrived` also pass through.
 * @throws RefusedError The body ends early.
 */
export async function readBytes(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  arrived: OnBytes = () => undefined,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of whole(chunks)) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new RequestTooLargeError();
    arrived(chunk.byteLength);
    parts.push(chunk);
  }
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, length);
}

/** An incomplete body is the client's fault, whatever error the framework throws for it. */
async function* whole(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch {
    throw new RefusedError(REFUSALS.incomplete);
  }
}
