/**
 * Normalises handles as models write them: with quotes, links, escapes and capitals around or within them.
 */

import { formatReference, parseReference } from "./references.js";
import { PlaceholderScanner } from "./scanner.js";
import {
  DOUBLE_QUOTES,
  SINGLE_QUOTES,
  withoutInvisible,
  withoutMarkdownEscapes,
} from "./spelling-signs.js";
import { DEFAULT_TAG_NAMES } from "./tag-form.js";

/** The maximum length of a text that is still recognised as a handle with something around it. */
const MAX_UNITS = 1024;
/**
 * The maximum number of layers around a handle, for example a link in a list in a JSON string in a JSON
 * string.
 */
const MAX_LAYERS = 6;

/** Returns the text without one layer; `undefined` if it does not have this layer. */
type Unwrap = (text: string) => string | undefined;

function within(pattern: RegExp): Unwrap {
  return (text) => pattern.exec(text)?.[1];
}

const LAYERS: readonly Unwrap[] = [
  jsonForm,
  within(/^(?:"(.*)")$/s),
  within(/^'(.*)'$/s),
  within(new RegExp(`^[${DOUBLE_QUOTES}](.*)[${DOUBLE_QUOTES}]$`, "s")),
  within(new RegExp(`^[${SINGLE_QUOTES}](.*)[${SINGLE_QUOTES}]$`, "s")),
  within(/^`+([^`]*)`+$/s),
  within(/^<((?:hdl_|handle:\/\/).*)>$/is),
  within(/^\(([^()]*)\)$/s),
  within(/^\*{1,3}([^*]*)\*{1,3}$/s),
  within(/^\$?\{+([^{}]*)\}+$/s),
  // A Markdown link to a handle.
  within(/^!?\[[^\]]*\]\((handle:\/\/[^()]*)\)$/is),
  within(/^\[([^[\]]*)\]$/s),
  within(/^handle_id["']?\s*[:=]\s*(.*)$/is),
  within(/^(.*)[.,;]$/s),
  within(/^(handle:\/\/.*)\/$/is),
  tag,
  percentDecoded,
  markdownUnescaped,
];

/**
 * Returns the canonical form of a text that is one reference as a whole: `hdl_…` or `hdl_…#/pointer`.
 *
 * @returns `undefined` if the text contains more than a reference, or is ambiguous.
 */
export function referenceSpelledAs(text: string): string | undefined {
  if (text.length > MAX_UNITS) return undefined;
  let rest = withoutInvisible(text).trim();
  for (let layer = 0; layer <= MAX_LAYERS; layer++) {
    const reference = parseReference(inLowerCase(rest));
    if (reference !== undefined) return formatReference(reference);
    const inner = unwrapped(rest);
    if (inner === undefined) return undefined;
    rest = inner.trim();
  }
  return undefined;
}

function unwrapped(text: string): string | undefined {
  for (const unwrap of LAYERS) {
    const inner = unwrap(text);
    if (inner !== undefined && inner !== text) return inner;
  }
  return undefined;
}

/** Lower-cases the id and the scheme, which have no capitals, but not the pointer, which may have them. */
function inLowerCase(text: string): string {
  return text.replace(/^(?:handle:\/\/)?hdl_[0-9a-f]{32}(?=#|$)/i, (id) => id.toLowerCase());
}

/** Returns the reference of a tag, which is parsed as it is in texts. */
function tag(text: string): string | undefined {
  if (!text.startsWith("<")) return undefined;
  const scanner = new PlaceholderScanner({
    tagNames: DEFAULT_TAG_NAMES,
    maxPlaceholderLength: MAX_UNITS,
    bareReferences: "inert",
  });
  const [first, ...others] = [...scanner.push(text), ...scanner.end().segments];
  return typeof first === "object" && others.length === 0 ? first.written : undefined;
}

const MEMBERS: ReadonlySet<string> = new Set(["handle_id", "safe_view", "expires_at"]);

/** Returns the reference in JSON: the object in which a model received the handle, or the id alone. */
function jsonForm(text: string): string | undefined {
  if (!/^[{"]/.test(text)) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "string") return parsed;
    const { handle_id: id, ...others } = parsed as Record<string, unknown>;
    const isForm = typeof id === "string" && Object.keys(others).every((name) => MEMBERS.has(name));
    return isForm ? id : undefined;
  } catch {
    return undefined;
  }
}

function percentDecoded(text: string): string | undefined {
  if (!text.includes("%")) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function markdownUnescaped(text: string): string | undefined {
  return text.includes("\\") ? withoutMarkdownEscapes(text) : undefined;
}
