/** Which parts of an opened value are looked for, and how sure a match of them is. */
import { Buffer } from "node:buffer";
import { isFieldName, isMapOfMany } from "../leak-guard/field-names.js";
import { canonical } from "../primitives/readings.js";

/** The fewest units of a value that are looked for: shorter ones come up by chance. */
export const MIN_UNITS = 6;
/** From how many units on one line of many is looked for, and a value that was cut short. */
const MIN_PART_UNITS = 20;
/** From how many, where it has letters and digits, or signs among them. */
const MIN_MIXED_PART_UNITS = 12;
/** Numbers of fewer digits are found in others by chance. */
const TELLING_DIGITS = 8;

const WORDS = /^[\p{L}\p{M}' -]+$/u;
/** Scripts that put no spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const CLASSES: readonly RegExp[] = [/\p{L}/u, /\p{N}/u, /[^\p{L}\p{M}\p{N}\s]/u];

/** What is looked for. */
export interface EchoForm {
  readonly text: string;
  /** Whether it counts only between word boundaries: words in other words mean nothing. */
  readonly isWord: boolean;
}

/** Gives the forms of all texts, numbers and telling names of members in a value. */
export function* formsOf(value: unknown): Generator<EchoForm> {
  for (const leaf of leavesOf(value)) {
    yield* formsOfText(leaf);
    const lines = leaf.split(/[\r\n]+/);
    if (lines.length > 1)
      yield* lines.filter(isTellingPart).flatMap((line) => [...formsOfText(line)]);
  }
}

/** Gives the texts and numbers in a value that are too short to be looked for in results. */
export function* shortLeavesOf(value: unknown): Generator<string> {
  for (const leaf of leavesOf(value)) {
    if (leaf !== "" && canonical(leaf).trim().length < MIN_UNITS) yield leaf;
  }
}

/** Tells whether a part of a value is long enough to be told from chance. */
export function isTellingPart(text: string): boolean {
  const part = canonical(text).trim();
  if (part.length >= MIN_PART_UNITS) return true;
  const classes = CLASSES.filter((one) => one.test(part));
  return part.length >= MIN_MIXED_PART_UNITS && classes.length > 1;
}

function* formsOfText(leaf: string): Generator<EchoForm> {
  const text = canonical(leaf).trim();
  if (text.length < MIN_UNITS) return;
  const isWord = isWordLike(text);
  yield { text, isWord };
  // Half a surrogate pair is written as a replacement character.
  if (!text.isWellFormed()) yield { text: text.toWellFormed(), isWord };
  // Bytes, as base64 decodes to them.
  for (const bytes of new Set([utf8(text), canonical(utf8(leaf.trim()))])) {
    if (bytes !== text) yield { text: bytes, isWord: false };
  }
}

function isWordLike(text: string): boolean {
  if (/^\d+$/.test(text)) return text.length < TELLING_DIGITS;
  return WORDS.test(text) && !UNSPACED.test(text);
}

function utf8(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function* leavesOf(value: unknown): Generator<string> {
  if (typeof value === "string" || typeof value === "number") yield String(value);
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield* dataNamesOf(value);
  for (const member of Object.values(value)) yield* leavesOf(member);
}

/** Gives the names of members that no safe view shows, because they are data. */
function dataNamesOf(object: object): string[] {
  const names = Object.keys(object);
  return isMapOfMany(object) ? names : names.filter((name) => !isFieldName(name));
}
