import {
  formatPointer,
  type JsonPointer,
  matchesPointer,
  type PointerPattern,
  parsePointer,
} from "../primitives/json-pointer.js";
import { HydrationError } from "../vault/errors.js";
import type { Vault } from "../vault/vault.js";
import {
  checkHydrateOptions,
  checkTextOptions,
  checkVaultAndOptions,
  HYDRATE_OPTIONS,
  type HydrateOptions,
  TEXT_OPTIONS,
  type TextOptions,
  type TextSettings,
} from "./options.js";
import { formatReference, parseReference, withoutUriPrefix } from "./references.js";
import { type FoundReference, HandleResolver, type HydrationReport } from "./resolver.js";
import { type Placeholder, PlaceholderScanner, type Segment } from "./scanner.js";
import { TextRenderer } from "./text-renderer.js";
import { copyOf, mapValues, sizeOf } from "./values.js";

/** Whether references inside longer strings count: `"inert"` or `"hydrate"`. */
export type InsideStrings = "inert" | "hydrate";

/** Places of a value in which handles are opened. */
export interface HydratePlace {
  /** A JSON pointer; the token `*` stands for any one member or item. */
  readonly at: string;
  /** Default: that of the options. */
  readonly inside?: InsideStrings | undefined;
}

/** What {@link hydrateValue} takes. */
export interface HydrateValueOptions extends HydrateOptions, TextOptions {
  /** Where handles are opened; elsewhere they are plain text. Default: everywhere. */
  readonly places?: readonly (string | HydratePlace)[] | undefined;
  /**
   * Whether references inside longer strings are opened, too: in braces, as tags and bare. What they
   * stand for becomes text, by `stringify` and `format`. Default `"inert"`.
   */
  readonly inside?: InsideStrings | undefined;
}

/** What was inserted where. */
export interface Insertion {
  /** A JSON pointer to the string or value that now holds it. */
  readonly at: string;
  /** `hdl_…`, or `hdl_…#/pointer`. */
  readonly reference: string;
}

/** A hydrated value, and what became of the handles in it. */
export interface HydratedValue extends HydrationReport {
  /** A copy; the value that was given is as it was. */
  readonly value: unknown;
  /** In the order of the value. */
  readonly insertions: readonly Insertion[];
}

/** A place that a value is hydrated at: one reference as a whole, or a text with references in it. */
type Slot =
  | { readonly kind: "whole"; readonly found: FoundReference }
  | { readonly kind: "text"; readonly segments: readonly Segment[] };

interface Rule {
  readonly pattern: PointerPattern | undefined;
  readonly inside: InsideStrings;
}

const OPTIONS: ReadonlySet<string> = new Set([
  ...TEXT_OPTIONS,
  ...HYDRATE_OPTIONS,
  "places",
  "inside",
]);

/**
 * Returns a copy of JSON data in which references to handles are what they stand for.
 *
 * A string that is a reference as a whole (`hdl_…`, `handle://hdl_…`, `{{hdl_…}}`, a tag, each with
 * `#/pointer`) and an object with the member `handle_id` (beside it at most `safe_view` and
 * `expires_at`) become the payload, or the place in it, of whatever type. Names of members are left
 * alone, and what was inserted is not looked at again. Every reference is hydrated, or nothing is.
 *
 * @throws {@link HydrationError} A handle cannot be opened or is not allowed, or a limit is met. With
 *   `onUnresolved: "keep"`, what cannot be hydrated stays as it is and is reported.
 * @throws `TypeError` or `RangeError` An option is wrong, or the value is nested too deeply.
 *
 * @example
 * ```ts
 * const { value } = await hydrateValue(vault, toolArguments, {
 *   requestingPrincipal: "mcp-tool:pharmacy/check_interactions#alice",
 *   places: ["/medications/*", { at: "/note", inside: "hydrate" }],
 * });
 * ```
 */
export async function hydrateValue(
  vault: Vault,
  value: unknown,
  options: HydrateValueOptions,
): Promise<HydratedValue> {
  checkVaultAndOptions(vault, options, OPTIONS);
  const settings = checkTextOptions(options);
  const resolver = new HandleResolver(vault, checkHydrateOptions(options, settings.maxHandles));
  const slots = findSlots(value, checkRules(options), settings);
  await resolver.open([...slots.values()].flatMap(referencesIn));
  const filler = new SlotFiller(slots, resolver, settings);
  const hydrated = mapValues(value, (node, pointer) => filler.fill(node, pointer));
  resolver.throwIfUnresolved();
  return { value: hydrated, insertions: filler.insertions, ...resolver.report() };
}

/** Returns the slots of a value by pointer. */
function findSlots(
  value: unknown,
  rules: readonly Rule[],
  settings: TextSettings,
): ReadonlyMap<string, Slot> {
  const slots = new Map<string, Slot>();
  mapValues(value, (node, pointer) => {
    if (!mayRefer(node)) return undefined;
    const rule = rules.find(({ pattern }) => !pattern || matchesPointer(pattern, pointer));
    const slot = rule && slotOf(node, rule.inside, settings);
    if (slot === undefined) return undefined;
    slots.set(formatPointer(pointer), slot);
    // What is inside a reference is none: it would be opened for nothing.
    return { value: node };
  });
  return slots;
}

function slotOf(node: unknown, inside: InsideStrings, settings: TextSettings): Slot | undefined {
  const text = typeof node === "string" ? node : handleIdOf(node);
  if (text === undefined) return undefined;
  const reference = parseReference(text);
  if (reference !== undefined) return { kind: "whole", found: { written: text, reference } };
  // An object with a handle's id stands for nothing else, however its id was mangled.
  if (typeof node !== "string") return { kind: "whole", found: { written: text, reference } };
  const segments = scan(text, settings);
  const [first] = segments;
  if (segments.length === 1 && typeof first === "object") return { kind: "whole", found: first };
  return inside === "hydrate" && segments.some(isPlaceholder)
    ? { kind: "text", segments }
    : undefined;
}

function scan(text: string, settings: TextSettings): Segment[] {
  const scanner = new PlaceholderScanner({ ...settings, bareReferences: "found" });
  const segments = scanner.push(text);
  const { segments: rest, isIncomplete } = scanner.end();
  if (isIncomplete) throw new HydrationError("incomplete-placeholder");
  return [...segments, ...rest];
}

/** Puts what slots stand for in their places, and keeps a record of it. */
class SlotFiller {
  readonly insertions: Insertion[] = [];
  readonly #slots: ReadonlyMap<string, Slot>;
  readonly #resolver: HandleResolver;
  readonly #renderer: TextRenderer;
  /** By reference, as it was written. */
  readonly #sizes = new Map<string, number>();
  #sizeLeft: number;

  constructor(slots: ReadonlyMap<string, Slot>, resolver: HandleResolver, settings: TextSettings) {
    this.#slots = slots;
    this.#resolver = resolver;
    this.#renderer = new TextRenderer(resolver, settings);
    this.#sizeLeft = settings.maxOutputLength;
  }

  fill(node: unknown, pointer: JsonPointer): { readonly value: unknown } | undefined {
    if (!mayRefer(node)) return undefined;
    const at = formatPointer(pointer);
    const slot = this.#slots.get(at);
    if (slot === undefined) return undefined;
    this.#record(slot, at);
    if (slot.kind === "text") return { value: this.#renderer.render(slot.segments) };
    const resolved = this.#resolver.resolve(slot.found);
    return resolved.ok ? { value: this.#copyOf(resolved.value, slot.found.written) } : undefined;
  }

  /** Counts before it copies: one payload may be asked for at any number of places. */
  #copyOf(value: unknown, written: string): unknown {
    const size = this.#sizes.get(written) ?? sizeOf(value);
    this.#sizes.set(written, size);
    this.#sizeLeft -= size;
    if (this.#sizeLeft < 0) throw new HydrationError("output-too-large");
    return copyOf(value);
  }

  #record(slot: Slot, at: string): void {
    for (const found of referencesIn(slot)) {
      const { reference } = found;
      if (reference === undefined || !this.#resolver.resolve(found).ok) continue;
      this.insertions.push({ at, reference: formatReference(reference) });
    }
  }
}

function referencesIn(slot: Slot): readonly FoundReference[] {
  return slot.kind === "whole" ? [slot.found] : slot.segments.filter(isPlaceholder);
}

function isPlaceholder(segment: Segment): segment is Placeholder {
  return typeof segment !== "string";
}

/** Tells most of what is no reference at once. */
function mayRefer(node: unknown): boolean {
  return typeof node === "string" ? node.includes("hdl_") : handleIdOf(node) !== undefined;
}

const BESIDE_HANDLE_ID: ReadonlySet<string> = new Set(["handle_id", "safe_view", "expires_at"]);

/** Returns the reference in an object that stands for a handle. */
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

function checkRules({ places, inside = "inert" }: HydrateValueOptions): readonly Rule[] {
  checkInside(inside);
  if (places === undefined) return [{ pattern: undefined, inside }];
  if (!Array.isArray(places)) throw new TypeError("places must be an array");
  return places.map((place: string | HydratePlace) => {
    const { at, inside: own = inside } = typeof place === "string" ? { at: place } : place;
    checkInside(own);
    return { pattern: parsePointer(at), inside: own };
  });
}

function checkInside(inside: InsideStrings): void {
  if (inside !== "inert" && inside !== "hydrate") {
    throw new TypeError('inside must be "inert" or "hydrate"');
  }
}
