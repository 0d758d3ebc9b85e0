/** Handles as models spell them: with quotes, links, escapes and capitals around or within them. */
import { DEFAULT_TAG_NAMES } from "./options.js";
import { formatReference, parseReference } from "./references.js";
import { PlaceholderScanner } from "./scanner.js";
import {
  DOUBLE_QUOTES,
  SINGLE_QUOTES,
  withoutInvisible,
  withoutMarkdownEscapes,
} from "./spelling-signs.js";

/** What is longer is no handle with something around it. */
const MAX_UNITS = 1024;
/** How many layers may be around a handle: a link in a list in a JSON string in a JSON string. */
const MAX_LAYERS = 6;

/** Returns what is within one layer; `undefined` where there is no such layer. */
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
  // A link of Markdown, to a handle.
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
 * Returns the one spelling of the reference that a text stands for as a whole: `hdl_…`, or
 * `hdl_…#/pointer`.
 *
 * @returns `undefined` where the text is more than that, or may mean something else.
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

/** Ids and the scheme have no capitals; a pointer may. */
function inLowerCase(text: string): string {
  return text.replace(/^(?:handle:\/\/)?hdl_[0-9a-f]{32}(?=#|$)/i, (id) => id.toLowerCase());
}

/** A tag is read as it is in texts. */
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

/** The form in which a model got the handle, or the id alone, as JSON. */
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
