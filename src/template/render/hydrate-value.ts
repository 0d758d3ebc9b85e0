import { formatPointer, type JsonPointer } from "../../primitives/json-pointer.js";
import { HydrationError } from "../../vault/errors.js";
import type { StandardSchema } from "../../vault/standard-schema.js";
import { checkSchema, validated } from "../../vault/typed-payload.js";
import type { Vault } from "../../vault/vault.js";
import { formatReference } from "../forms/references.js";
import { admit, contextOf } from "./admission.js";
import {
  checkRules,
  findSlots,
  mayRefer,
  type PlaceOptions,
  referencesIn,
  type Slot,
} from "./find-references.js";
import {
  checkHydrateOptions,
  checkTextOptions,
  checkVaultAndOptions,
  HYDRATE_OPTIONS,
  type HydrateOptions,
  type ResolvingSettings,
  TEXT_OPTIONS,
  type TextOptions,
  type TextSettings,
} from "./options.js";
import type { OutputFormat } from "./output-format.js";
import { HandleResolver, type HydrationReport, type ReferenceSource } from "./resolver.js";
import { TextRenderer } from "./text-renderer.js";
import { copyOf, mapValues, sizeOf } from "./values.js";

/** Options of {@link hydrateValue}. */
export interface HydrateValueOptions extends HydrateOptions, TextOptions, PlaceOptions {
  /**
   * The schema of the hydrated value: of zod, valibot, arktype or any other library of Standard Schema. Its
   * output is returned, and the type follows from it. The handles are opened before it runs.
   */
  readonly schema?: StandardSchema | undefined;
}

/** An inserted value and its place. */
export interface Insertion {
  /** A JSON pointer to the string or value that now contains the insertion. */
  readonly at: string;
  /** `hdl_…` or `hdl_…#/pointer`. */
  readonly reference: string;
  /** The inserted value: the payload or a part of it. */
  readonly value: unknown;
}

/** A hydrated value, with a report about its handles. */
export interface HydratedValue<Value = unknown> extends HydrationReport {
  /** A copy; the given value is unchanged. */
  readonly value: Value;
  /** In document order. */
  readonly insertions: readonly Insertion[];
}

const OPTIONS: ReadonlySet<string> = new Set([
  ...TEXT_OPTIONS,
  ...HYDRATE_OPTIONS,
  "places",
  "inside",
  "schema",
]);

/**
 * Returns a copy of JSON data in which references to handles are replaced by their payloads.
 *
 * Two kinds of values are replaced by the payload, or the part of it, of any type: a string that is one
 * reference as a whole (`hdl_…`, `handle://hdl_…`, `{{hdl_…}}`, a tag, each with `#/pointer`), and an object
 * with the member `handle_id` and no others but `safe_view` and `expires_at`. Member names are not changed,
 * and inserted values are not searched for references. Either all references are hydrated, or none.
 *
 * @throws {@link HydrationError} A handle cannot be opened or is not allowed, or a limit is exceeded. With
 *   `onUnresolved: "keep"`, references that cannot be hydrated stay unchanged and are reported.
 * @throws PayloadValidationError The hydrated value does not match `schema`.
 * @throws TypeError or `RangeError` An option is invalid, or the value is nested too deeply.
 *
 * @example
 * ```ts
 * const { value } = await hydrateValue(vault, toolArguments, {
 *   requestingPrincipal: "mcp-tool:pharmacy/check_interactions#alice",
 *   places: ["/medications/*", { at: "/note", inside: "hydrate" }],
 * });
 * ```
 */
export async function hydrateValue<Output>(
  vault: Vault,
  value: unknown,
  options: HydrateValueOptions & { readonly schema: StandardSchema<Output> },
): Promise<HydratedValue<Output>>;
export async function hydrateValue(
  vault: Vault,
  value: unknown,
  options: HydrateValueOptions,
): Promise<HydratedValue>;
export async function hydrateValue(
  vault: Vault,
  value: unknown,
  options: HydrateValueOptions,
): Promise<HydratedValue> {
  checkVaultAndOptions(vault, options, OPTIONS);
  const { schema } = options;
  if (schema !== undefined) checkSchema(schema, "schema");
  const text = checkTextOptions(options);
  const resolving = checkHydrateOptions(options, text.maxHandles);
  const slots = findSlots(value, { rules: checkRules(options), text });
  const hydrated = await fillSlots(vault, value, { slots, text, resolving });
  if (schema === undefined) return hydrated;
  return { ...hydrated, value: await validated(hydrated.value, schema) };
}

/** What {@link fillSlots} fills, and how. */
export interface Filling {
  readonly slots: ReadonlyMap<string, Slot>;
  readonly text: TextSettings;
  readonly resolving: ResolvingSettings;
}

/** Hydrates the slots that were found in a value. */
export async function fillSlots(
  vault: Vault,
  value: unknown,
  { slots: found, text: settings, resolving }: Filling,
): Promise<HydratedValue> {
  const resolver = new HandleResolver(vault, resolving);
  const slots = new Map([...found].map(([at, slot]) => [at, admitted(slot, resolver, settings)]));
  await resolver.open([...slots.values()].flatMap(referencesIn));
  const filler = new SlotFiller(slots, resolver, settings);
  const hydrated = mapValues(value, (node, pointer) => filler.fill(node, pointer));
  resolver.throwIfUnresolved();
  return { value: hydrated, insertions: filler.insertions, ...resolver.report() };
}

function admitted(slot: Slot, source: ReferenceSource, { format }: TextSettings): Slot {
  if (slot.kind === "whole") return slot;
  return { ...slot, segments: admit(slot.segments, contextOf(slot.format ?? format), source) };
}

/** Replaces slots by their values, and records the insertions. */
class SlotFiller {
  readonly insertions: Insertion[] = [];
  readonly #slots: ReadonlyMap<string, Slot>;
  readonly #resolver: HandleResolver;
  readonly #settings: TextSettings;
  readonly #renderers = new Map<OutputFormat | undefined, TextRenderer>();
  /** The sizes by the reference's original text. */
  readonly #sizes = new Map<string, number>();
  #sizeLeft: number;

  constructor(slots: ReadonlyMap<string, Slot>, resolver: HandleResolver, settings: TextSettings) {
    this.#slots = slots;
    this.#resolver = resolver;
    this.#settings = settings;
    this.#sizeLeft = settings.maxOutputLength;
  }

  fill(node: unknown, pointer: JsonPointer): { readonly value: unknown } | undefined {
    if (!mayRefer(node)) return undefined;
    const at = formatPointer(pointer);
    const slot = this.#slots.get(at);
    if (slot === undefined) return undefined;
    this.#record(slot, at);
    if (slot.kind === "text")
      return { value: this.#rendererFor(slot.format).render(slot.segments) };
    const resolved = this.#resolver.resolve(slot.found);
    return resolved.ok ? { value: this.#copyOf(resolved.value, slot.found.written) } : undefined;
  }

  #rendererFor(format: OutputFormat | undefined): TextRenderer {
    const settings = format === undefined ? this.#settings : { ...this.#settings, format };
    const renderer = this.#renderers.get(format) ?? new TextRenderer(this.#resolver, settings);
    this.#renderers.set(format, renderer);
    return renderer;
  }

  /** Checks the size limit before it copies: a value may refer to one payload at any number of places. */
  #copyOf(value: unknown, written: string): unknown {
    const size = this.#sizes.get(written) ?? sizeOf(value);
    this.#sizes.set(written, size);
    this.#sizeLeft -= size;
    if (this.#sizeLeft < 0) throw new HydrationError("output-too-large");
    return copyOf(value);
  }

  #record(slot: Slot, at: string): void {
    for (const found of referencesIn(slot)) {
      const resolved = this.#resolver.resolve(found);
      if (found.reference === undefined || !resolved.ok) continue;
      const reference = formatReference(found.reference);
      this.insertions.push({ at, reference, value: resolved.value });
    }
  }
}
