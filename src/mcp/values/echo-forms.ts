/** The parts of an opened value that are searched for in results, and how certain a match is. */
import { Buffer } from "node:buffer";
import { isFieldName, isMapOfMany } from "../../leak-guard/field-names.js";
import { canonical } from "../../primitives/readings.js";

/** The minimum length of a value, in UTF-16 units, for a search. Shorter values occur by chance. */
export const MIN_UNITS = 6;
/** The minimum length, in UTF-16 units, for a single line of a value or for a truncated value. */
const MIN_PART_UNITS = 20;
/** The same minimum for a part with characters of two classes: letters, digits, signs. */
const MIN_MIXED_PART_UNITS = 12;
/**
 * The minimum number of digits for a match inside a longer number. Shorter numbers occur there by
 * chance.
 */
const TELLING_DIGITS = 8;

const WORDS = /^[\p{L}\p{M}' -]+$/u;
/** Scripts that are written without spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const CLASSES: readonly RegExp[] = [/\p{L}/u, /\p{N}/u, /[^\p{L}\p{M}\p{N}\s]/u];

/** A text to search for. */
export interface EchoForm {
  readonly text: string;
  /**
   * Whether a match must stand between word boundaries, because the text also occurs inside other
   * words.
   */
  readonly isWord: boolean;
}

/** Yields the forms of all texts and numbers in a value, and of the member names that are data. */
export function* formsOf(value: unknown): Generator<EchoForm> {
  for (const leaf of leavesOf(value)) {
    yield* formsOfText(leaf);
    const lines = leaf.split(/[\r\n]+/);
    if (lines.length > 1)
      yield* lines.filter(isTellingPart).flatMap((line) => [...formsOfText(line)]);
  }
}

/** Yields the texts and numbers in a value that are too short for a search. */
export function* shortLeavesOf(value: unknown): Generator<string> {
  for (const leaf of leavesOf(value)) {
    if (leaf !== "" && canonical(leaf).trim().length < MIN_UNITS) yield leaf;
  }
}

/** Returns whether a part of a value is so long that a match is unlikely to be chance. */
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
  // A lone surrogate is encoded as a replacement character.
  if (!text.isWellFormed()) yield { text: text.toWellFormed(), isWord };
  // The UTF-8 bytes of the text, one character for each byte, as decoded base64 is compared.
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

/** Returns the member names that a safe view would hide because they are data. */
function dataNamesOf(object: object): string[] {
  const names = Object.keys(object);
  return isMapOfMany(object) ? names : names.filter((name) => !isFieldName(name));
}
