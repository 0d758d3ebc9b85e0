/** The syntax of a reference to a payload or to a part of one. */
import {
  formatPointer,
  isPointer,
  type JsonPointer,
  parsePointer,
} from "../../primitives/json-pointer.js";

/** A handle, and a pointer into its payload. */
export interface Reference {
  /** `hdl_` and 32 lower-case hex digits. */
  readonly id: string;
  /** The pointer; empty for the whole payload. */
  readonly pointer: JsonPointer;
}

/** The prefix of every id. */
export const ID_PREFIX = "hdl_";
/** The prefix that turns an id into a URI. */
export const URI_PREFIX = "handle://";

const REFERENCE = /^(hdl_[0-9a-f]{32})(?:#(.*))?$/s;

/**
 * Parses `hdl_…` or `hdl_…#/pointer`, each also after `handle://`.
 *
 * The pointer is written as in RFC 6901, without percent-encoding.
 *
 * @returns `undefined` if the text is not a well-formed reference.
 */
export function parseReference(text: string): Reference | undefined {
  const [, id, pointer = ""] = REFERENCE.exec(withoutUriPrefix(text)) ?? [];
  return id === undefined || !isPointer(pointer)
    ? undefined
    : { id, pointer: parsePointer(pointer) };
}

/** Returns the canonical form of a reference: `hdl_…` or `hdl_…#/pointer`. */
export function formatReference({ id, pointer }: Reference): string {
  return pointer.length === 0 ? id : `${id}#${formatPointer(pointer)}`;
}

/** Returns the text without `handle://`. */
export function withoutUriPrefix(text: string): string {
  return text.startsWith(URI_PREFIX) ? text.slice(URI_PREFIX.length) : text;
}
