/**
 * Puts handles back where a tool says again what a handle was opened to.
 *
 * Found are texts of at least six characters as they are, as JSON or part of a URL, whatever the writer of
 * those escapes, and in base64. A
 * tool that wants to give a value away has other ways: this is for tools that only repeat themselves.
 */
import { Buffer } from "node:buffer";
import { isObject } from "./messages.js";
import { type Reading, readingsOf } from "./readings.js";

/** A value that was opened, and the reference that stands for it. */
export interface OpenedValue {
  readonly value: unknown;
  /** `hdl_…`, and `#/pointer` to a part of the payload. */
  readonly reference: string;
}

/** The shortest text that is taken for an echo: shorter ones come up by chance. */
const MIN_CHARACTERS = 6;
/** The most texts that are looked for: opening more than that is refused. */
const MAX_FORMS = 100_000;

/** Texts that begin alike, by their length: the longest that fits counts. */
interface Alike {
  readonly lengths: number[];
  readonly references: Map<string, string>;
}

/** Where an echo stands in a text. */
interface FoundEcho {
  readonly reference: string;
  readonly start: number;
  readonly end: number;
}

/** The first, and of those the longest, comes first. */
function byPlace(one: FoundEcho, other: FoundEcho): number {
  return one.start - other.start || other.end - one.end;
}

/** Replaces what was opened by the references it was opened from. */
export class Echoes {
  readonly #alike = new Map<string, Alike>();
  #count = 0;

  constructor(opened: readonly OpenedValue[]) {
    for (const { value, reference } of opened) {
      for (const leaf of leavesOf(value)) {
        for (const text of formsOf(leaf)) this.#add(text, reference);
      }
    }
    for (const { lengths } of this.#alike.values()) lengths.sort((one, other) => other - one);
  }

  /** Whether there is anything to look for. */
  get isEmpty(): boolean {
    return this.#alike.size === 0;
  }

  /** Returns a copy of JSON data without echoes; names of members count as texts. */
  suppressIn(value: unknown): unknown {
    if (this.isEmpty) return value;
    if (typeof value === "string") return this.suppressInText(value);
    if (typeof value === "number") return this.#suppressNumber(value);
    if (Array.isArray(value)) return value.map((item) => this.suppressIn(item));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        this.suppressInText(name),
        this.suppressIn(member),
      ]),
    );
  }

  /** Returns a text without echoes. What is put in is not looked at again. */
  suppressInText(text: string): string {
    if (this.isEmpty || text.length < MIN_CHARACTERS) return text;
    const found = readingsOf(text).flatMap((reading) => [...this.#foundIn(reading)]);
    let kept = "";
    let from = 0;
    for (const { reference, start, end } of found.toSorted(byPlace)) {
      // Where two readings find echoes that overlap, the first one stands for both.
      if (start >= from) kept += text.slice(from, start) + reference;
      from = Math.max(from, end);
    }
    return kept + text.slice(from);
  }

  *#foundIn({ text, starts }: Reading): Generator<FoundEcho> {
    for (let at = 0; at + MIN_CHARACTERS <= text.length; at += 1) {
      const echo = this.#echoAt(text, at);
      if (echo === undefined) continue;
      const { reference, length } = echo;
      yield { reference, start: starts[at] ?? 0, end: starts[at + length] ?? 0 };
      at += length - 1;
    }
  }

  #suppressNumber(value: number): unknown {
    const text = String(value);
    const suppressed = this.suppressInText(text);
    return suppressed === text ? value : suppressed;
  }

  #echoAt(text: string, at: number): { reference: string; length: number } | undefined {
    const alike = this.#alike.get(text.slice(at, at + MIN_CHARACTERS));
    if (alike === undefined) return undefined;
    for (const length of alike.lengths) {
      const said = text.slice(at, at + length);
      const reference = alike.references.get(said);
      if (reference !== undefined) return { reference, length: said.length };
    }
    return undefined;
  }

  #add(text: string, reference: string): void {
    const start = text.slice(0, MIN_CHARACTERS);
    const alike: Alike = this.#alike.get(start) ?? { lengths: [], references: new Map() };
    this.#alike.set(start, alike);
    // The first reference to a value stays: the others mean the same.
    if (alike.references.has(text)) return;
    this.#count += 1;
    if (this.#count > MAX_FORMS) throw new RangeError("too much was opened to watch for echoes");
    if (!alike.lengths.includes(text.length)) alike.lengths.push(text.length);
    alike.references.set(text, reference);
  }
}

/** Gives the texts and numbers of a value that are long enough to be told from chance. */
function* leavesOf(value: unknown): Generator<string> {
  if (typeof value === "string" || typeof value === "number") {
    const text = String(value);
    if (text.length >= MIN_CHARACTERS) yield text;
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const member of Object.values(value)) yield* leavesOf(member);
}

/** Returns the ways in which a text can come back, apart from escapes. */
function formsOf(leaf: string): readonly string[] {
  const forms = new Set([leaf, leaf.toWellFormed(), ...base64FormsOf(leaf)]);
  return [...forms].filter(({ length }) => length >= MIN_CHARACTERS);
}

/** Returns what of a text's base64 does not depend on what is around the text. */
function base64FormsOf(text: string): string[] {
  return ["", "-", "--"].flatMap((before) => {
    const bytes = Buffer.from(before + text);
    const start = Math.ceil((8 * before.length) / 6);
    const form = bytes.toString("base64url").slice(start, Math.floor((8 * bytes.length) / 6));
    return [form, form.replaceAll("-", "+").replaceAll("_", "/")];
  });
}
