/** Finds references in JSON data, as whole values or within strings. */
import {
  formatPointer,
  matchesPointer,
  type PointerPattern,
  parsePointer,
} from "../../primitives/json-pointer.js";
import { checkOptions } from "../../vault/checks.js";
import { HydrationError } from "../../vault/errors.js";
import { formatReference, parseReference, withoutUriPrefix } from "../forms/references.js";
import { type Placeholder, PlaceholderScanner, type Segment } from "../forms/scanner.js";
import { checkFormat, checkTextOptions, type TextOptions, type TextSettings } from "./options.js";
import type { OutputFormat } from "./output-format.js";
import type { FoundReference } from "./resolver.js";
import { mapValues } from "./values.js";

/** Whether references inside longer strings are ignored (`"inert"`) or hydrated (`"hydrate"`). */
export type InsideStrings = "inert" | "hydrate";

/** Places in a value whose handles are opened. */
export interface HydratePlace {
  /** A JSON pointer; the token `*` matches any one member or item. */
  readonly at: string;
  /** Default: `inside` of the options. */
  readonly inside?: InsideStrings | undefined;
  /**
   * The format of the text that contains references. `"detect"` means `json-text` for text that parses as
   * JSON, and `text` otherwise. Default: the format of the options.
   */
  readonly format?: OutputFormat | "detect" | undefined;
}

/** Options that select the references in a value. */
export interface PlaceOptions extends Pick<TextOptions, "tagNames" | "maxPlaceholderLength"> {
  /** The places whose handles are opened; elsewhere references are plain text. Default: everywhere. */
  readonly places?: readonly (string | HydratePlace)[] | undefined;
  /**
   * Whether to also open references inside longer strings: in braces, as tags and bare. Their values become
   * text, by `stringify` and `format`. Default `"inert"`.
   */
  readonly inside?: InsideStrings | undefined;
}

/** A reference in a value. */
export interface LocatedReference {
  /** A JSON pointer to the string or object that contains the reference. */
  readonly at: string;
  /** `hdl_…` or `hdl_…#/pointer`; the original text if it is malformed. */
  readonly reference: string;
  /** The id of the handle; `undefined` if the reference is malformed. */
  readonly id: string | undefined;
}

/** A place to hydrate: a whole value that is one reference, or a text that contains references. */
export type Slot =
  | { readonly kind: "whole"; readonly found: FoundReference }
  | {
      readonly kind: "text";
      readonly segments: readonly Segment[];
      /** The format of the text; `undefined` for that of the options. */
      readonly format: OutputFormat | undefined;
    };

/** The syntax and the places of references. */
export interface PlaceSettings {
  readonly rules: readonly Rule[];
  readonly text: TextSettings;
}

interface Rule {
  readonly pattern: PointerPattern | undefined;
  readonly inside: InsideStrings;
  readonly format: HydratePlace["format"];
}

const OPTIONS: ReadonlySet<string> = new Set([
  "places",
  "inside",
  "tagNames",
  "maxPlaceholderLength",
]);
const PLACE_OPTIONS: ReadonlySet<string> = new Set(["at", "inside", "format"]);

/**
 * Returns the references that `hydrateValue` would open with these options, in document order. Opens no
 * handle.
 *
 * @throws TypeError or `RangeError` An option is invalid, or the value is nested too deeply.
 * @throws {@link HydrationError} A string ends within a placeholder.
 *
 *
 * @example
 * ```ts
 * const ids = findReferences(toolArguments, { places: ["/medications/*"] }).map(({ id }) => id);
 * ```
 */
export function findReferences(value: unknown, options: PlaceOptions = {}): LocatedReference[] {
  checkOptions(options, "options", OPTIONS);
  const slots = findSlots(value, { rules: checkRules(options), text: checkTextOptions(options) });
  return [...slots].flatMap(([at, slot]) =>
    referencesIn(slot).map(({ written, reference }) => ({
      at,
      reference: reference === undefined ? written : formatReference(reference),
      id: reference?.id,
    })),
  );
}

/** Returns the slots of a value by pointer, in document order. */
export function findSlots(
  value: unknown,
  { rules, text }: PlaceSettings,
): ReadonlyMap<string, Slot> {
  const slots = new Map<string, Slot>();
  mapValues(value, (node, pointer) => {
    if (!mayRefer(node)) return undefined;
    const rule = rules.find(({ pattern }) => !pattern || matchesPointer(pattern, pointer));
    const slot = rule && slotOf(node, rule, text);
    if (slot === undefined) return undefined;
    slots.set(formatPointer(pointer), slot);
    // Do not search inside a reference: its members, such as a safe view, must not be hydrated.
    return { value: node };
  });
  return slots;
}

function slotOf(node: unknown, rule: Rule, settings: TextSettings): Slot | undefined {
  const text = typeof node === "string" ? node : handleIdOf(node);
  if (text === undefined) return undefined;
  const isTooLong = text.length > settings.maxPlaceholderLength;
  const reference = isTooLong ? undefined : parseReference(text);
  if (reference !== undefined) return { kind: "whole", found: { written: text, reference } };
  // An object with a handle id can only be a reference, so that a malformed id is reported and not ignored.
  if (typeof node !== "string") return { kind: "whole", found: { written: text, reference } };
  const segments = scan(text, settings);
  const [first] = segments;
  if (segments.length === 1 && typeof first === "object") return { kind: "whole", found: first };
  return rule.inside === "hydrate" && segments.some(isPlaceholder)
    ? { kind: "text", segments, format: formatOf(segments, rule.format) }
    : undefined;
}

/**
 * Returns the format of a text. JSON must be detected: a quote inserted into JSON as plain text could end a
 * string and add members.
 */
function formatOf(
  segments: readonly Segment[],
  format: HydratePlace["format"],
): OutputFormat | undefined {
  if (format !== "detect") return format;
  const text = segments.map((segment) => (typeof segment === "string" ? segment : "0")).join("");
  return isJson(text) ? "json-text" : "text";
}

/** Returns whether a text is a JSON object, array or string. A number cannot contain a placeholder. */
function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) !== "number";
  } catch {
    return false;
  }
}

function scan(text: string, settings: TextSettings): Segment[] {
  const scanner = new PlaceholderScanner({ ...settings, bareReferences: "found" });
  const segments = scanner.push(text);
  const { segments: rest, isIncomplete } = scanner.end();
  if (isIncomplete) throw new HydrationError("incomplete-placeholder");
  return [...segments, ...rest];
}

/** Returns the references of a slot, in text order. */
export function referencesIn(slot: Slot): readonly FoundReference[] {
  return slot.kind === "whole" ? [slot.found] : slot.segments.filter(isPlaceholder);
}

function isPlaceholder(segment: Segment): segment is Placeholder {
  return typeof segment !== "string";
}

/** A fast test that excludes most values without references. */
export function mayRefer(node: unknown): boolean {
  return typeof node === "string" ? node.includes("hdl_") : handleIdOf(node) !== undefined;
}

const BESIDE_HANDLE_ID: ReadonlySet<string> = new Set(["handle_id", "safe_view", "expires_at"]);

/** Returns the reference in an object that represents a handle. */
function handleIdOf(node: unknown): string | undefined {
  if (typeof node !== "object" || node === null || !Object.hasOwn(node, "handle_id")) {
    return undefined;
  }
  const { handle_id: id } = node as { readonly handle_id: unknown };
  const isHandle =
    typeof id === "string" &&
    withoutUriPrefix(id).startsWith("hdl_") &&
    Object.keys(node).every((name) => BESIDE_HANDLE_ID.has(name));
  return isHandle ? id : undefined;
}

/** Returns the rules for the places, with defaults applied. */
export function checkRules({ places, inside = "inert" }: PlaceOptions): readonly Rule[] {
  checkInside(inside);
  if (places === undefined) return [{ pattern: undefined, inside, format: undefined }];
  if (!Array.isArray(places)) throw new TypeError("places must be an array");
  return places.map((given: string | HydratePlace) => {
    const place: HydratePlace = typeof given === "string" ? { at: given } : given;
    checkOptions(place, "every place", PLACE_OPTIONS);
    const { at, inside: own = inside, format } = place;
    checkInside(own);
    if (format !== undefined && format !== "detect") checkFormat(format);
    return { pattern: parsePointer(at), inside: own, format };
  });
}

function checkInside(inside: InsideStrings): void {
  if (inside !== "inert" && inside !== "hydrate") {
    throw new TypeError('inside must be "inert" or "hydrate"');
  }
}
