/**
 * Puts handles back where a tool repeats a value that a handle was opened to.
 *
 * docs/agents.md has a table of the forms in which a value is recognised. A tool that wants to give a
 * value away has other ways: this is for tools that repeat their input.
 */

import { type Reading, readingsOf } from "../primitives/readings.js";
import { StringMatcher } from "../primitives/string-matcher.js";
import { type EchoForm, formsOf, isTellingPart, MIN_UNITS, shortLeavesOf } from "./echo-forms.js";
import { isObject } from "./messages.js";

/** A value that was opened, and the reference that stands for it. */
export interface OpenedValue {
  readonly value: unknown;
  /** `hdl_…`, and `#/pointer` to a part of the payload. */
  readonly reference: string;
}

/** The most units (UTF-16) that are looked for: opening more than that is refused. */
const MAX_FORM_UNITS = 2 ** 20;
/** The most units of one result that are searched: larger ones are withheld. */
const MAX_SEARCHED_UNITS = 2 ** 22;

/** More was opened, or returned, than can be searched while others wait. */
export class EchoLimitError extends RangeError {
  override readonly name = "EchoLimitError";
}

/** What a pattern of the matcher stands for. */
interface Pattern extends EchoForm {
  readonly reference: string;
}

/** Where an echo is in a text. */
interface FoundEcho {
  readonly reference: string;
  readonly start: number;
  readonly end: number;
}

/** Replaces values that were opened by the references that they were opened from. */
export class Echoes {
  readonly #matcher = new StringMatcher();
  readonly #patterns: Pattern[] = [];
  readonly #short = new Set<string>();
  #budget = MAX_SEARCHED_UNITS;

  /** @throws {@link EchoLimitError} The values are more than can be searched for. */
  constructor(opened: readonly OpenedValue[]) {
    for (const { value, reference } of opened) {
      for (const form of formsOf(value)) this.#add({ ...form, reference });
      for (const leaf of shortLeavesOf(value)) this.#short.add(leaf);
    }
  }

  /** Whether there is nothing to look for. */
  get isEmpty(): boolean {
    return this.#patterns.length === 0;
  }

  /**
   * Returns a copy of JSON data without echoes. Names of members count as texts; two names stay two.
   *
   * @throws {@link EchoLimitError} More texts were searched, in all calls, than one result may have.
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

  /** Returns distinct names without echoes; one that would equal another gets a number. */
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

  /** Tells whether a text may hold a value, be it a short one that comes up by chance. */
  mayBeIn(text: string): boolean {
    return (
      this.suppressInText(text) !== text || [...this.#short].some((leaf) => text.includes(leaf))
    );
  }

  /** Returns a text without echoes. References that are put in are not searched. */
  suppressInText(text: string): string {
    if (this.isEmpty || text.length < MIN_UNITS) return text;
    this.#spend(text.length);
    const found: FoundEcho[] = [];
    for (const reading of readingsOf(text)) this.#find(reading, found);
    return found.length === 0 ? text : replaced(text, found);
  }

  /** Counts work against what one result may take. */
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
    // The first reference to a value stays: the others mean the same.
    if (number === this.#patterns.length) this.#patterns.push(pattern);
    if (this.#matcher.stateCount > MAX_FORM_UNITS) {
      throw new EchoLimitError("too much was opened to search for");
    }
  }
}

/** The first echo in a text, and of several at one place the longest, stands for what it overlaps. */
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

/** Tells whether a match stands between word boundaries, or in escapes that no text has by chance. */
function isWhole({ text, starts, ends, form }: Reading, start: number, end: number): boolean {
  if (form === "bytes") return true;
  if (form === "escaped" && (ends[end] ?? 0) - (starts[start] ?? 0) > end - start) return true;
  if (WORD_UNIT.test(text.charAt(start - 1)) || WORD_UNIT.test(text.charAt(end))) return false;
  const isNumber = /\d/.test(text.charAt(start));
  if (!isNumber) return true;
  const [before, after] = [text.slice(Math.max(start - 2, 0), start), text.slice(end, end + 2)];
  return !WHOLE_PART.test(before) && !FRACTION.test(after);
}

/** Tells whether a text was cut at a place: it ends there, or goes on with an ellipsis. */
function isCutAt(text: string, end: number): boolean {
  const next = text.charAt(end).trim();
  if (next === "") return text.slice(end, end + 2).trim() === "" && end >= text.trimEnd().length;
  return next === "…" || text.startsWith("...", end) || text.startsWith("[...", end);
}
