/** What stands around a placeholder decides whether escaping makes an insertion there harmless. */
import { JsonTextContext } from "./json-text-context.js";
import { MarkdownContext } from "./markdown-context.js";
import type { OutputFormat } from "./output-format.js";
import type { ReferenceSource } from "./resolver.js";
import type { Placeholder, Segment } from "./scanner.js";

/** Reads one text from its beginning on, in pieces of any size. */
export interface InsertionContext {
  /** Reads text that is no placeholder. */
  read(text: string): void;
  /** Reads a placeholder, and tells whether anything may be inserted in its place. */
  admits(placeholder: Placeholder): boolean;
}

const ANYWHERE: InsertionContext = { read() {}, admits: () => true };

/** Returns the context that a text of this format begins in. */
export function contextOf(format: OutputFormat = "text"): InsertionContext {
  if (format === "markdown") return new MarkdownContext();
  return format === "json-text" ? new JsonTextContext() : ANYWHERE;
}

/**
 * Returns the segments with text for the placeholders that have to stay, and reports these: before
 * handles are opened, so that none is opened for nothing.
 */
export function admit(
  segments: readonly Segment[],
  context: InsertionContext,
  source: ReferenceSource,
): Segment[] {
  return segments.map((segment) => {
    if (typeof segment === "string") {
      context.read(segment);
      return segment;
    }
    // A malformed one is inserted nowhere, and is reported as that.
    if (context.admits(segment) || segment.reference === undefined) return segment;
    source.refuse(segment, "not-renderable");
    return segment.text;
  });
}
