/** Texts that may become a placeholder, read one character at a time. */

/**
 * What one more character makes of a candidate: it goes on (`more`), is complete with this character
 * (`done`) or was complete before it (`ended`), or is no placeholder (`none`).
 */
export type Outcome = "more" | "done" | "ended" | "none";

/** A text that began like a placeholder. */
export interface Candidate {
  /** Says what one more character, given as its UTF-16 code, makes of it. */
  step(code: number): Outcome;
  /** Says what the end of the text makes of it; `cut`: a placeholder that was cut off. */
  end(): "ended" | "none" | "cut";
  /** Whether nothing but a placeholder begins like this. */
  readonly isCommitted: boolean;
  /** Returns the reference within its text, well-formed or not; `undefined` if it holds none. */
  referenceIn(text: string): string | undefined;
}

/** A way to write placeholders. */
export interface Form {
  /** The code of the character that every placeholder of this form begins with. */
  readonly opener: number;
  /** Returns a candidate whose first character is the opener; `before` is the code in front of it. */
  begin(before: number): Candidate | undefined;
}

/** What stands for the character in front of a text's first one. */
export const START = -1;

export const BACKSLASH = 0x5c;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const LESS_THAN = 0x3c;
export const GREATER_THAN = 0x3e;

/** Tells a space or a tab; line breaks end every placeholder but a tag. */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Tells control characters. */
export function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/** Tells an ASCII letter, a digit or an underscore. */
export function isWord(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x5f
  );
}
