/** How arguments refer to handles: `hdl_…`, `handle://hdl_…`, `{{hdl_…}}`, or an object with `handle_id`. */
import { isPointer, type JsonPointer, parsePointer } from "../primitives/json-pointer.js";
import { isObject } from "./messages.js";

/** A handle, and a place in its payload. */
export interface HandleReference {
  readonly id: string;
  readonly pointer: JsonPointer;
  /** The reference in its shortest form: `hdl_…` or `hdl_…#/pointer`. */
  readonly text: string;
}

const ID = "hdl_[0-9a-f]{32}";
const WHOLE = new RegExp(
  `^(?:(?:handle://)?(${ID})(?:#(.*))?|\\{\\{ ?(${ID})(?:#([^}]{0,1024}?))? ?\\}\\})$`,
  "s",
);
/** Inside longer texts a bare pointer ends where it could be part of a sentence. */
const INSIDE = new RegExp(
  `\\{\\{ ?(${ID})(?:#([^}]{0,1024}?))? ?\\}\\}|(?:handle://)?(?<![0-9A-Za-z_])(${ID})(?![0-9A-Za-z_])(?:#((?:/[A-Za-z0-9_~-]+)+))?`,
  "g",
);

/** Returns the handle that a value stands for; `undefined` when it is an ordinary value. */
export function referenceOf(value: unknown): HandleReference | undefined {
  const text = isObject(value) ? value["handle_id"] : value;
  if (typeof text !== "string") return undefined;
  const found = WHOLE.exec(text);
  return found === null ? undefined : reference(found[1] ?? found[3], found[2] ?? found[4]);
}

/** A reference inside a longer text. */
export interface EmbeddedReference extends HandleReference {
  readonly start: number;
  readonly end: number;
}

/** Returns the handles that a text names, in its order. */
export function referencesIn(text: string): readonly EmbeddedReference[] {
  return [...text.matchAll(INSIDE)].flatMap((found) => {
    const named = reference(found[1] ?? found[3], found[2] ?? found[4]);
    if (named === undefined) return [];
    return [{ ...named, start: found.index, end: found.index + found[0].length }];
  });
}

function reference(
  id: string | undefined,
  pointer: string | undefined,
): HandleReference | undefined {
  const fragment = pointer ?? "";
  if (id === undefined || !isPointer(fragment)) return undefined;
  return {
    id,
    pointer: parsePointer(fragment),
    text: fragment === "" ? id : `${id}#${fragment}`,
  };
}
