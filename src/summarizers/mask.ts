import { Buffer } from "node:buffer";
import { isFieldName, isMapOfMany } from "../leak-guard/field-names.js";
import { type JsonPointer, parsePointer, placesOf, valueAt } from "../primitives/json-pointer.js";
import { checkOptions, checkPlaces, MAX_SAFE_VIEW_BYTES } from "../vault/checks.js";
import {
  integerWithin,
  type OptionsTable,
  optional,
  readOptions,
  type WithDefaults,
} from "../vault/options.js";
import { SafeView, type Summarizer } from "../vault/safe-view.js";

const OPTIONS: ReadonlySet<string> = new Set(["fields"]);
const MAX_CHARACTERS = 16;
/** The most values that are shown; the others are counted. */
const MAX_SHOWN = 20;
/** Longer values are not shown: they are prose, and not an identifier. */
const MAX_VALUE_CHARACTERS = 256;
const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;
/** Characters that show only the format of a value, as long as there are few of them. */
const SEPARATORS: ReadonlySet<string> = new Set(["-", "/", ".", " ", "@"]);
const HIDDEN = "*";

/** The part of a field's value that {@link maskSummarizer} shows. */
export interface MaskRule {
  /** How many letters and digits at the beginning. Default 0. */
  readonly first?: number | undefined;
  /** How many letters and digits at the end. Default 0. */
  readonly last?: number | undefined;
}

/** Options of {@link maskSummarizer}. */
export interface MaskSummarizerOptions {
  /** The rule of each field, by JSON pointer; `*` in a pointer matches any one member. */
  readonly fields: Readonly<Record<string, MaskRule>>;
}

interface Mask {
  readonly pointer: JsonPointer;
  readonly first: number;
  readonly last: number;
}

/**
 * Returns a summarizer that shows the given fields masked, such as `***-**-6789`. Only a few letters and
 * digits at the beginning or the end stay readable, and the separators `- / . @` and space.
 *
 * - If a rule would show more than half of a value's letters and digits, none of them is shown.
 * - If a value has more than half as many separators as letters and digits, no separator is shown.
 * - Member names that may be data are not shown.
 *
 * The leak guard accepts the shown characters at the given fields only. The same characters elsewhere in
 * the payload are a leak, and so are member names.
 *
 * @throws TypeError RangeError A rule is wrong, or its name is not a JSON pointer.
 *
 * @example
 * ```ts
 * const summarizer = maskSummarizer({ fields: { "/ssn": { last: 4 } } });
 * await vault.seal({ ssn: "123-45-6789" }, { ownerPrincipal, summarizer }); // safe view: ssn ***-**-6789
 * ```
 */
export function maskSummarizer(options: MaskSummarizerOptions): Summarizer {
  checkOptions(options, "maskSummarizer options", OPTIONS);
  const { fields } = options;
  if (typeof fields !== "object" || fields === null)
    throw new TypeError("fields must be an object");
  const shown = Object.keys(fields);
  checkPlaces(shown, "fields");
  const masks = Object.entries(fields).map(readMask);
  return {
    summarize: (data) => new SafeView({ summary: maskedView(data, masks), shown }),
  };
}

const RULE: OptionsTable<WithDefaults<MaskRule, "first" | "last">> = {
  first: optional(integerWithin(0, MAX_CHARACTERS), 0),
  last: optional(integerWithin(0, MAX_CHARACTERS), 0),
};

function readMask([pointer, rule]: readonly [string, MaskRule]): Mask {
  const shown = readOptions(rule, RULE, { name: "a mask", prefix: "" });
  return { pointer: parsePointer(pointer), ...shown };
}

function maskedView(data: unknown, masks: readonly Mask[]): string {
  const texts: string[] = [];
  let count = 0;
  let room = MAX_SAFE_VIEW_BYTES - MAX_VALUE_CHARACTERS;
  for (const mask of masks) {
    for (const place of placesOf(data, mask.pointer)) {
      const value = maskableAt(data, place);
      if (value === undefined) continue;
      count += 1;
      if (texts.length >= MAX_SHOWN || room < 0) continue;
      const text = labelled(nameOf(data, place), maskedText(value, mask));
      room -= Buffer.byteLength(text);
      if (room >= 0) texts.push(text);
    }
  }
  if (count > texts.length) texts.push(`${count - texts.length} more`);
  return texts.join(", ");
}

function maskableAt(data: unknown, place: JsonPointer): string | undefined {
  const value = valueAt(data, place)?.value;
  const isMaskable = typeof value === "string" || typeof value === "number";
  return isMaskable && String(value).length <= MAX_VALUE_CHARACTERS ? String(value) : undefined;
}

function labelled(name: string | undefined, text: string): string {
  return name === undefined ? text : `${name} ${text}`;
}

/** Returns the last member name of a place that is a field name and not data. */
function nameOf(data: unknown, place: JsonPointer): string | undefined {
  const depth = place.findLastIndex((token, at) => {
    const parent = valueAt(data, place.slice(0, at))?.value;
    return (
      isFieldName(token) && typeof parent === "object" && parent !== null && !isMapOfMany(parent)
    );
  });
  return place[depth];
}

function maskedText(text: string, { first, last }: Mask): string {
  const characters = [...text];
  const total = characters.filter(isLetterOrDigit).length;
  const isKeepable = (first + last) * 2 <= total;
  const hasFewSeparators = characters.filter(isSeparator).length * 2 <= total;
  let seen = 0;
  const masked = characters.map((character) => {
    if (!isLetterOrDigit(character)) {
      return hasFewSeparators && isSeparator(character) ? character : HIDDEN;
    }
    seen += 1;
    return isKeepable && (seen <= first || seen > total - last) ? character : HIDDEN;
  });
  return masked.join("");
}

function isLetterOrDigit(character: string): boolean {
  return LETTER_OR_DIGIT.test(character);
}

function isSeparator(character: string): boolean {
  return SEPARATORS.has(character);
}
