/** The text around a placeholder decides whether escaping makes an insertion there safe. */
import type { Placeholder } from "../forms/scanner.js";

/** Reads one text from its start, in chunks of any size. */
export interface InsertionContext {
  /** Reads text between placeholders. */
  read(text: string): void;
  /** Reads a placeholder, and returns whether a value may be inserted in its place. */
  admits(placeholder: Placeholder): boolean;
}
