/**
 * Replaces opened values in a tool's result by the references that they were opened from.
 *
 * docs/agents.md lists the forms in which a value is recognised. This serves tools that repeat
 * their input. It does not stop a tool that reveals a value on purpose.
 */

import { type Reading, readingsOf } from "../../primitives/readings.js";
import { StringMatcher } from "../../primitives/string-matcher.js";
import { isObject } from "../protocol/messages.js";
import { type EchoForm, formsOf, isTellingPart, MIN_UNITS, shortLeavesOf } from "./echo-forms.js";

/** An opened value and the reference that represents it. */
export interface OpenedValue {
  readonly value: unknown;
  /** `hdl_…`, followed by `#/pointer` for a part of the payload. */
  readonly reference: string;
}

/** The maximum number of UTF-16 units to search for. A call that opens more is refused. */
const MAX_FORM_UNITS = 2 ** 20;
/**
 * The maximum number of UTF-16 units of one result that are searched. A larger result is withheld.
 */
const MAX_SEARCHED_UNITS = 2 ** 22;

/**
 * Thrown if a search would take so long that it blocks other requests: a call opened too much, or a
 * tool returned too much.
 */
export class EchoLimitError extends RangeError {
  override readonly name = "EchoLimitError";
}

/** A text of the matcher, with the reference that replaces it. */
interface Pattern extends EchoForm {
  readonly reference: string;
}

/** The position of an opened value in a text. */
interface FoundEcho {
  readonly reference: string;
  readonly start: number;
  readonly end: number;
}

/** Replaces opened values by their references. */
export class Echoes {
  readonly #matcher = new StringMatcher();
  readonly #patterns: Pattern[] = [];
  readonly #short = new Set<string>();
  #budget = MAX_SEARCHED_UNITS;

  /** @throws {@link EchoLimitError} The values are too large to search for. */
  constructor(opened: readonly OpenedValue[]) {
    for (const { value, reference } of opened) {
      for (const form of formsOf(value)) this.#add({ ...form, reference });
      for (const leaf of shortLeavesOf(value)) this.#short.add(leaf);
    }
  }

  /** Whether there is no value to search for. */
  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  /**
   * Returns a copy of JSON data without opened values. Member names are searched like texts, and
   * distinct names stay distinct.
   *
   * @throws {@link EchoLimitError} All calls together have searched more text than one result may
   *   have.
   */
  suppressIn(value: unknown): unknown {
    if (this.isEmpty) return value;
    if (typeof value === "string") return this.suppressInText(value);
    if (typeof value === "number") return this.#suppressNumber(value);
    if (Array.isArray(value)) return value.map((item) => this.suppressIn(item));
    if (!isObject(value)) return value;
    const names = this.suppressInNames(Object.keys(value));
    return Object.fromEntries(
      Object.values(value).map((member, at) => [names[at], this.suppressIn(member)]),
    );
  }

  /** Returns the names without opened values. A name that would equal another one gets a number. */
  suppressInNames(names: readonly string[]): readonly string[] {
    const given = new Set(names);
    const taken = new Set<string>();
    return names.map((name) => {
      const suppressed = this.suppressInText(name);
      let distinct = suppressed;
      const isTaken = () => taken.has(distinct) || (distinct !== name && given.has(distinct));
      for (let count = 2; isTaken(); count++) distinct = `${suppressed} (${count})`;
      taken.add(distinct);
      return distinct;
    });
  }

  /**
   * Returns whether a text may contain an opened value. Short values count too, even if they occur
   * by chance.
   */
  mayBeIn(text: string): boolean {
    return (
      this.suppressInText(text) !== text || [...this.#short].some((leaf) => text.includes(leaf))
    );
  }

  /** Returns a text without opened values. The inserted references are not searched. */
  suppressInText(text: string): string {
    if (this.isEmpty || text.length < MIN_UNITS) return text;
    this.#spend(text.length);
    const found: FoundEcho[] = [];
    for (const reading of readingsOf(text)) this.#find(reading, found);
    return found.length === 0 ? text : replaced(text, found);
  }

  /** Subtracts work from the budget of one result. */
  #spend(units: number): void {
    this.#budget -= units;
    if (this.#budget < 0) throw new EchoLimitError("the result is too large to be searched");
  }

  #suppressNumber(value: number): unknown {
    const text = String(value);
    const suppressed = this.suppressInText(text);
    return suppressed === text ? value : suppressed;
  }

  #find(reading: Reading, found: FoundEcho[]): void {
    const { text, starts, ends, form } = reading;
    const add = (reference: string, from: number, to: number) => {
      found.push({ reference, start: starts[from] ?? 0, end: ends[to] ?? 0 });
    };
    const onMatch = (number: number, end: number) => {
      const pattern = this.#patterns[number];
      if (pattern === undefined) return false;
      const start = end - pattern.text.length;
      if (pattern.isWord && !isWhole(reading, start, end)) {
        this.#spend(1);
        return false;
      }
      add(pattern.reference, start, end);
      return true;
    };
    const onPrefix = (number: number, depth: number, end: number) => {
      const pattern = this.#patterns[number];
      if (pattern === undefined || !isCutAt(text, end)) return;
      if (isTellingPart(text.slice(end - depth, end))) add(pattern.reference, end - depth, end);
    };
    this.#matcher.match(text, onMatch, form === "bytes" ? undefined : onPrefix);
  }

  #add(pattern: Pattern): void {
    const number = this.#matcher.add(pattern.text);
    // Equal values have equal meaning, so the first reference is kept.
    if (number === this.#patterns.length) this.#patterns.push(pattern);
    if (this.#matcher.stateCount > MAX_FORM_UNITS) {
      throw new EchoLimitError("too much was opened to search for");
    }
  }
}

/**
 * Returns a text with references in place of matches. Where matches overlap, the one that starts
 * first wins, and the longest of those that start together.
 */
function replaced(text: string, found: readonly FoundEcho[]): string {
  const inOrder = found.toSorted((one, other) => one.start - other.start || other.end - one.end);
  let kept = "";
  let from = 0;
  for (const { reference, start, end } of inOrder) {
    if (start >= from) kept += text.slice(from, start) + reference;
    from = Math.max(from, end);
  }
  return kept + text.slice(from);
}

const WORD_UNIT = /[\p{L}\p{M}\p{N}_]/u;
const FRACTION = /^[.,]\d/;
const WHOLE_PART = /\d[.,]$/;

/**
 * Returns whether a match stands between word boundaries, or contains escapes, which do not occur
 * by chance.
 */
function isWhole({ text, starts, ends, form }: Reading, start: number, end: number): boolean {
  if (form === "bytes") return true;
  if (form === "escaped" && (ends[end] ?? 0) - (starts[start] ?? 0) > end - start) return true;
  if (WORD_UNIT.test(text.charAt(start - 1)) || WORD_UNIT.test(text.charAt(end))) return false;
  const isNumber = /\d/.test(text.charAt(start));
  if (!isNumber) return true;
  const [before, after] = [text.slice(Math.max(start - 2, 0), start), text.slice(end, end + 2)];
  return !WHOLE_PART.test(before) && !FRACTION.test(after);
}

/**
 * Returns whether a text was truncated at a position: it ends there or continues with an ellipsis.
 */
function isCutAt(text: string, end: number): boolean {
  const next = text.charAt(end).trim();
  if (next === "") return text.slice(end, end + 2).trim() === "" && end >= text.trimEnd().length;
  return next === "…" || text.startsWith("...", end) || text.startsWith("[...", end);
}
