/** Decides where placeholders are allowed, by format. */

import type { Segment } from "../forms/scanner.js";
import type { InsertionContext } from "./insertion-context.js";
import { JsonTextContext } from "./json-text-context.js";
import { MarkdownContext } from "./markdown-context.js";
import type { OutputFormat } from "./output-format.js";
import { QuotingContext } from "./quoting-context.js";
import type { ReferenceSource } from "./resolver.js";

const ANYWHERE: InsertionContext = { read() {}, admits: () => true };

/** The formats that allow placeholders only in some positions. */
const CONTEXTS: Readonly<Partial<Record<OutputFormat, () => InsertionContext>>> = {
  markdown: () => new MarkdownContext(),
  "json-text": () => new JsonTextContext(),
  shell: () => QuotingContext.forShell(),
  sql: () => QuotingContext.forSql(),
};

/** Returns the context at the start of a text of this format. */
export function contextOf(format: OutputFormat = "text"): InsertionContext {
  return CONTEXTS[format]?.() ?? ANYWHERE;
}

/**
 * Returns the segments, with placeholders in forbidden positions turned into plain text, and reports these.
 * This happens before handles are opened, so that no handle is opened without need.
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
    // A malformed placeholder is never replaced; it is reported as malformed.
    if (context.admits(segment) || segment.reference === undefined) return segment;
    source.refuse(segment, "not-renderable");
    return segment.text;
  });
}
