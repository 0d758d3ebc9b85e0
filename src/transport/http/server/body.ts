/** Reads a request's body, never more of it than the limit. */
import { Buffer } from "node:buffer";
import { RequestTooLargeError } from "../../../vault/errors.js";
import type { Arrived } from "./gate.js";
import { REFUSALS, type Refusal, RefusedError } from "./refusal.js";

/** What tells how a body is to be read. */
export type HeaderReader = (name: string) => string | undefined;

/** What a body must be. */
export interface BodyRules {
  readonly mediaType: RegExp;
  /** What is said of another media type. */
  readonly otherMediaType: Refusal;
  readonly maxBytes: number;
}

/** Returns the pattern of a media type, which may name UTF-8 as its charset. */
export function mediaTypePattern(mediaType: string): RegExp {
  return new RegExp(`^(?:${mediaType})[ \\t]*(?:;[ \\t]*charset="?utf-8"?[ \\t]*)?$`, "i");
}

/**
 * Throws unless the headers announce a body of the right kind, not compressed and within the limit.
 *
 * A web page can send other types to any server without asking; a small compressed body can stand for
 * a large one.
 */
export function checkBodyHeaders(
  header: HeaderReader,
  { mediaType, otherMediaType, maxBytes }: BodyRules,
): void {
  if (!mediaType.test(header("content-type") ?? "")) throw new RefusedError(otherMediaType);
  if (header("content-encoding") !== undefined) throw new RefusedError(REFUSALS.encoding);
  checkBodyLength(header, maxBytes);
}

/** Throws if more is announced than may be sent. */
export function checkBodyLength(header: HeaderReader, maxBytes: number): void {
  const announced = header("content-length");
  if (announced !== undefined && Number(announced) > maxBytes) throw new RequestTooLargeError();
}

/**
 * Returns the bytes of a body; stops reading as soon as it is over the limit.
 *
 * @throws {@link RequestTooLargeError} It is larger; or whatever `arrived` throws.
 * @throws RefusedError It breaks off.
 */
export async function readBytes(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  arrived: Arrived = () => undefined,
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

/** A body that breaks off is the client's affair, whatever its framework throws then. */
async function* whole(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch {
    throw new RefusedError(REFUSALS.incomplete);
  }
}
