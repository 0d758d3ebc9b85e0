/**
 * Finds placeholders in text that arrives in chunks.
 *
 * No candidate contains the start of another one, so each character is read once, or twice where a candidate
 * ends. The time is therefore linear for every text.
 */
import { BARE_FORM } from "./bare-form.js";
import { BRACE_FORM, ESCAPED_BRACE_FORM } from "./brace-form.js";
import { type Candidate, type Form, type Outcome, START } from "./candidate.js";
import { parseReference, type Reference } from "./references.js";
import { tagForm } from "./tag-form.js";

/** A reference in a text. */
export interface Placeholder {
  /** The whole placeholder, as it is in the text. */
  readonly text: string;
  /** The reference within it, as it is in the text. */
  readonly written: string;
  /** The parsed reference; `undefined` if it is malformed. */
  readonly reference: Reference | undefined;
}

/** A part of a text: plain text or a placeholder. */
export type Segment = string | Placeholder;

/** The syntax of placeholders. */
export interface ScannerOptions {
  /** The names of tags that are placeholders. */
  readonly tagNames: readonly string[];
  /** The maximum length of a placeholder, in characters. No more text than this is held back. */
  readonly maxPlaceholderLength: number;
  /** Whether references outside braces and tags are also found. */
  readonly bareReferences: "inert" | "found";
}

/** Splits text, in chunks of any size, into segments that together are the whole text, in order. */
export class PlaceholderScanner {
  readonly #forms: ReadonlyMap<number, Form>;
  /** 1 at the code of each opener. An array, because it is read for every character. */
  readonly #openers: Uint8Array = new Uint8Array(128);
  readonly #maxLength: number;
  #candidate: Candidate | undefined;
  /** The candidate's text from earlier chunks. */
  #held = "";
  #piece = "";
  /** The start, in this chunk, of the text that is in no segment yet, */
  #start = 0;
  /** and the start of the candidate. */
  #candidateStart = 0;
  #segments: Segment[] = [];
  /** The code of the character before this chunk. */
  #before = START;

  constructor(options: ScannerOptions) {
    const forms = [BRACE_FORM, ESCAPED_BRACE_FORM, tagForm(options.tagNames)];
    if (options.bareReferences === "found") forms.push(BARE_FORM);
    this.#forms = new Map(forms.map((form) => [form.opener, form]));
    for (const { opener } of forms) this.#openers[opener] = 1;
    this.#maxLength = options.maxPlaceholderLength;
  }

  /** The text that may still become a placeholder: all text that was read and is in no segment. */
  get held(): string {
    return this.#held;
  }

  /** Reads one more chunk and returns the segments that are certain so far. */
  push(piece: string): Segment[] {
    this.#take(piece);
    for (let at = this.#nextPlace(0); at < piece.length; at = this.#nextPlace(at + 1)) {
      this.#read(piece.charCodeAt(at), at);
    }
    const end = this.#candidate === undefined ? piece.length : this.#candidateStart;
    this.#add(piece.slice(this.#start, end));
    this.#held += piece.slice(end);
    this.#before = this.#codeBefore(piece.length);
    return this.#takeSegments();
  }

  /**
   * Ends the text and returns the remaining segments.
   *
   * @returns `isIncomplete`: whether the text ends within a placeholder.
   */
  end(): { readonly segments: Segment[]; readonly isIncomplete: boolean } {
    const candidate = this.#candidate;
    const end = candidate?.end() ?? "none";
    this.#take("");
    if (candidate !== undefined) this.#settle(candidate, end === "cut" ? "none" : end, 0);
    return { segments: this.#takeSegments(), isIncomplete: end === "cut" };
  }

  /** Returns the next position at which a placeholder could begin. */
  #nextPlace(from: number): number {
    let at = from;
    if (this.#candidate !== undefined) return at;
    while (at < this.#piece.length && this.#openers[this.#piece.charCodeAt(at)] !== 1) at += 1;
    return at;
  }

  #read(code: number, at: number): void {
    const candidate = this.#candidate;
    if (candidate !== undefined) {
      const outcome = this.#outcomeOf(candidate, code, at);
      if (outcome === "more") return;
      if (outcome === "none" && this.#reopen(code, at)) return;
      if (outcome === "none" && !candidate.isCommitted && this.#reopenBare(at)) {
        this.#read(code, at);
        return;
      }
      this.#settle(candidate, outcome, outcome === "done" ? at + 1 : at);
      if (outcome === "done") return;
    }
    this.#begin(code, at);
  }

  #outcomeOf(candidate: Candidate, code: number, at: number): Outcome {
    const length = this.#held.length + at - this.#candidateStart;
    return length < this.#maxLength ? candidate.step(code) : "none";
  }

  #take(piece: string): void {
    this.#piece = piece;
    this.#start = 0;
    this.#candidateStart = 0;
  }

  /** Reads a character, which may begin a candidate. */
  #begin(code: number, at: number): void {
    this.#candidate = this.#forms.get(code)?.begin(this.#codeBefore(at));
    this.#candidateStart = at;
  }

  /** After a failed candidate: its last character and the one at `at` may open a placeholder together. */
  #reopen(code: number, at: number): boolean {
    const opener = this.#codeBefore(at);
    const length = this.#held.length + at - this.#candidateStart;
    if (length < 2 || opener === BARE_FORM.opener) return false;
    const candidate = this.#forms.get(opener)?.begin(START);
    if (candidate?.step(code) !== "more") return false;
    this.#moveCandidate(candidate, length - 1);
    return true;
  }

  /**
   * Searches a failed candidate for a bare reference: in `<hdl_…>`, `<h` looks like the start of a tag, but
   * the id begins at the `h`. The text that is read again is at most as long as a tag's name.
   */
  #reopenBare(at: number): boolean {
    if (!this.#forms.has(BARE_FORM.opener)) return false;
    const text = this.#held + this.#piece.slice(this.#candidateStart, at);
    for (let from = 1; from < text.length; from++) {
      if (text.charCodeAt(from) !== BARE_FORM.opener) continue;
      const candidate = BARE_FORM.begin(text.charCodeAt(from - 1));
      if (candidate === undefined || !goesOn(candidate, text.slice(from + 1))) continue;
      this.#moveCandidate(candidate, from);
      return true;
    }
    return false;
  }

  /** Moves the start of the candidate by `by` characters; the text before it is plain text. */
  #moveCandidate(candidate: Candidate, by: number): void {
    const heldLength = this.#held.length;
    this.#add(this.#held.slice(0, by));
    this.#held = this.#held.slice(by);
    this.#candidateStart += Math.max(0, by - heldLength);
    this.#candidate = candidate;
  }

  /** Ends the candidate, whose text ends before `end`, with this outcome. */
  #settle(candidate: Candidate, outcome: Outcome, end: number): void {
    const text = this.#held + this.#piece.slice(this.#candidateStart, end);
    const written = outcome === "none" ? undefined : candidate.referenceIn(text);
    this.#candidate = undefined;
    if (written === undefined) {
      // The held text becomes part of the surrounding plain text, so that it stays one segment.
      this.#add(this.#held);
    } else {
      this.#add(this.#piece.slice(this.#start, this.#candidateStart));
      this.#segments.push({ text, written, reference: parseReference(written) });
      this.#start = end;
    }
    this.#held = "";
  }

  #add(text: string): void {
    if (text !== "") this.#segments.push(text);
  }

  #codeBefore(at: number): number {
    return at > 0 ? this.#piece.charCodeAt(at - 1) : this.#before;
  }

  #takeSegments(): Segment[] {
    const segments = this.#segments;
    this.#segments = [];
    return segments;
  }
}

function goesOn(candidate: Candidate, text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (candidate.step(text.charCodeAt(at)) !== "more") return false;
  }
  return true;
}
