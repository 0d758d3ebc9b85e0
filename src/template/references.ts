/** What a reference to a payload, or to a place in one, looks like wherever it is written. */
import {
  formatPointer,
  isPointer,
  type JsonPointer,
  parsePointer,
} from "../primitives/json-pointer.js";

/** A handle, and a place in its payload. */
export interface Reference {
  /** `hdl_` and 32 lower-case hex digits. */
  readonly id: string;
  /** The place; no tokens for the whole payload. */
  readonly pointer: JsonPointer;
}

/** What every id begins with. */
export const ID_PREFIX = "hdl_";
/** What may stand before an id to make a URI of it. */
export const URI_PREFIX = "handle://";

const REFERENCE = /^(hdl_[0-9a-f]{32})(?:#(.*))?$/s;

/**
 * Returns what `hdl_…`, `hdl_…#/pointer` and the same after `handle://` refer to.
 *
 * The pointer is written as RFC 6901 has it, without percent-encoding.
 *
 * @returns `undefined` if the text is no well-formed reference.
 */
export function parseReference(text: string): Reference | undefined {
  const [, id, pointer = ""] = REFERENCE.exec(withoutUriPrefix(text)) ?? [];
  return id === undefined || !isPointer(pointer)
    ? undefined
    : { id, pointer: parsePointer(pointer) };
}

/** Returns a reference's one spelling: `hdl_…`, or `hdl_…#/pointer`. */
export function formatReference({ id, pointer }: Reference): string {
  return pointer.length === 0 ? id : `${id}#${formatPointer(pointer)}`;
}

/** Returns the text without the scheme that makes a URI of a reference. */
export function withoutUriPrefix(text: string): string {
  return text.startsWith(URI_PREFIX) ? text.slice(URI_PREFIX.length) : text;
}
