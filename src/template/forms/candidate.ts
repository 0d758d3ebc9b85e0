/** Candidates: texts that may become a placeholder, read one character at a time. */

/**
 * The state of a candidate after one more character: it continues (`more`), is complete including this
 * character (`done`), was complete before it (`ended`), or is not a placeholder (`none`).
 */
export type Outcome = "more" | "done" | "ended" | "none";

/** A text that begins like a placeholder. */
export interface Candidate {
  /** Reads one more character, given as its UTF-16 code, and returns the new state. */
  step(code: number): Outcome;
  /** Returns the state at the end of the text. `cut`: the text ends within a placeholder. */
  end(): "ended" | "none" | "cut";
  /** Whether the text read so far can only be a placeholder. */
  readonly isCommitted: boolean;
  /** Returns the reference within the candidate's text, well-formed or not; `undefined` if there is none. */
  referenceIn(text: string): string | undefined;
}

/** A syntax of placeholders. */
export interface Form {
  /** The code of the first character of every placeholder of this form. */
  readonly opener: number;
  /** Returns a candidate that begins with the opener. `before` is the code of the character before it. */
  begin(before: number): Candidate | undefined;
}

/** The value of `before` at the start of a text. */
export const START = -1;

export const BACKSLASH = 0x5c;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const LESS_THAN = 0x3c;
export const GREATER_THAN = 0x3e;

/**
 * Returns whether a code is a space or a tab. Line breaks are not allowed within placeholders except tags.
 */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Returns whether a code is a control character. */
export function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/** Returns whether a code is an ASCII letter, a digit or an underscore. */
export function isWord(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x5f
  );
}
