/** What stands around a placeholder decides whether escaping makes an insertion there harmless. */
import type { Placeholder } from "./scanner.js";

/** Reads one text from its beginning on, in pieces of any size. */
export interface InsertionContext {
  /** Reads text that is no placeholder. */
  read(text: string): void;
  /** Reads a placeholder, and tells whether anything may be inserted in its place. */
  admits(placeholder: Placeholder): boolean;
}
