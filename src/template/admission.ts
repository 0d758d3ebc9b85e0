/** Where placeholders may stand, by format. */
import type { InsertionContext } from "./insertion-context.js";
import { JsonTextContext } from "./json-text-context.js";
import { MarkdownContext } from "./markdown-context.js";
import type { OutputFormat } from "./output-format.js";
import { QuotingContext } from "./quoting-context.js";
import type { ReferenceSource } from "./resolver.js";
import type { Segment } from "./scanner.js";

const ANYWHERE: InsertionContext = { read() {}, admits: () => true };

/** The formats in which not every place will do. */
const CONTEXTS: Readonly<Partial<Record<OutputFormat, () => InsertionContext>>> = {
  markdown: () => new MarkdownContext(),
  "json-text": () => new JsonTextContext(),
  shell: () => QuotingContext.forShell(),
  sql: () => QuotingContext.forSql(),
};

/** Returns the context that a text of this format begins in. */
export function contextOf(format: OutputFormat = "text"): InsertionContext {
  return CONTEXTS[format]?.() ?? ANYWHERE;
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
