import { checkOptions } from "../../vault/checks.js";
import type { OpaqueHandle } from "../../vault/handle.js";
import { escapeAttribute } from "../forms/markup.js";
import { checkTagName } from "./options.js";

/**
 * Returns a handle as a tag for a text that a model reads: `<handle id="hdl_…" safe_view="…"/>`.
 *
 * The safe view cannot leave its attribute: `& < > " '`, control characters and `{` are escaped.
 *
 * @param options - `tagName`: the tag's name, default `handle`.
 *
 *
 * @example
 * ```ts
 * const prompt = `Summarise ${toTag(handle)} for the board.`;
 * ```
 */
export function toTag(
  handle: Pick<OpaqueHandle, "id" | "safeView">,
  options: { readonly tagName?: string | undefined } = {},
): string {
  checkOptions(options, "options", new Set(["tagName"]));
  const { tagName = "handle" } = options;
  checkTagName(tagName);
  const { id, safeView } = handle;
  return `<${tagName} id="${escapeAttribute(id)}" safe_view="${escapeAttribute(safeView)}"/>`;
}
