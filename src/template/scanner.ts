/**
 * Finds placeholders in text that comes in pieces.
 *
 * No candidate holds the beginning of another one, so that every character is looked at once, or twice
 * where a candidate ends: time is linear in the text, whatever it says.
 */
import { BARE_FORM } from "./bare-form.js";
import { BRACE_FORM, ESCAPED_BRACE_FORM } from "./brace-form.js";
import { type Candidate, type Form, type Outcome, START } from "./candidate.js";
import { parseReference, type Reference } from "./references.js";
import { tagForm } from "./tag-form.js";

/** A reference in a text. */
export interface Placeholder {
  /** All of it, as it stands in the text. */
  readonly text: string;
  /** The reference in it, as it was written. */
  readonly written: string;
  /** What it refers to; `undefined` for a malformed one. */
  readonly reference: Reference | undefined;
}

/** A piece of a text: text that is no placeholder, or a placeholder. */
export type Segment = string | Placeholder;

/** What a scanner takes for a placeholder. */
export interface ScannerOptions {
  /** Names of tags. */
  readonly tagNames: readonly string[];
  /** The longest placeholder, in characters: no more is ever held back. */
  readonly maxPlaceholderLength: number;
  /** Whether references count outside braces and tags, too. */
  readonly bareReferences: "inert" | "found";
}

/** Reads text in pieces of any size and gives it back in segments, complete and in order. */
export class PlaceholderScanner {
  readonly #forms: ReadonlyMap<number, Form>;
  /** 1 at the code of each opener: this is asked of every character. */
  readonly #openers: Uint8Array = new Uint8Array(128);
  readonly #maxLength: number;
  #candidate: Candidate | undefined;
  /** What the candidate had of earlier pieces. */
  #held = "";
  #piece = "";
  /** Where the text begins in this piece that is in no segment yet, */
  #start = 0;
  /** and where the candidate does. */
  #candidateStart = 0;
  #segments: Segment[] = [];
  /** The code of the character in front of this piece. */
  #before = START;

  constructor(options: ScannerOptions) {
    const forms = [BRACE_FORM, ESCAPED_BRACE_FORM, tagForm(options.tagNames)];
    if (options.bareReferences === "found") forms.push(BARE_FORM);
    this.#forms = new Map(forms.map((form) => [form.opener, form]));
    for (const { opener } of forms) this.#openers[opener] = 1;
    this.#maxLength = options.maxPlaceholderLength;
  }

  /** The text that may still become a placeholder: all that was read and is in no segment. */
  get held(): string {
    return this.#held;
  }

  /** Reads one more piece and returns what is certain by now. */
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
   * Ends the text and returns the rest of it.
   *
   * @returns `isIncomplete` tells a text that was cut off within a placeholder.
   */
  end(): { readonly segments: Segment[]; readonly isIncomplete: boolean } {
    const candidate = this.#candidate;
    const end = candidate?.end() ?? "none";
    this.#take("");
    if (candidate !== undefined) this.#settle(candidate, end === "cut" ? "none" : end, 0);
    return { segments: this.#takeSegments(), isIncomplete: end === "cut" };
  }

  /** Skips what cannot begin a placeholder. */
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

  /** Looks at a character that begins a candidate, or nothing. */
  #begin(code: number, at: number): void {
    this.#candidate = this.#forms.get(code)?.begin(this.#codeBefore(at));
    this.#candidateStart = at;
  }

  /** The last character of what was no placeholder, and the one at `at`, may open one together. */
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
   * Looks for a bare reference that began within what was no placeholder: `<h` begins a tag, and the id
   * in `<hdl_…>`. What is looked at again is no longer than the name of a tag.
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

  /** Takes a candidate that begins `by` characters after the present one, whose beginning is text. */
  #moveCandidate(candidate: Candidate, by: number): void {
    const heldLength = this.#held.length;
    this.#add(this.#held.slice(0, by));
    this.#held = this.#held.slice(by);
    this.#candidateStart += Math.max(0, by - heldLength);
    this.#candidate = candidate;
  }

  /** Takes the candidate, whose text ends before `end`, for what it turned out to be. */
  #settle(candidate: Candidate, outcome: Outcome, end: number): void {
    const text = this.#held + this.#piece.slice(this.#candidateStart, end);
    const written = outcome === "none" ? undefined : candidate.referenceIn(text);
    this.#candidate = undefined;
    if (written === undefined) {
      // In this piece it goes on as what it was before: one text, however much in it began something.
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
