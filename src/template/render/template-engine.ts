import { HydrationError, type UnresolvedReason } from "../../vault/errors.js";
import type { Vault } from "../../vault/vault.js";
import { type Placeholder, PlaceholderScanner } from "../forms/scanner.js";
import { admit, contextOf } from "./admission.js";
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
import {
  type FoundReference,
  HandleResolver,
  type HydrationReport,
  placeIn,
  type ReferenceSource,
  type Resolved,
} from "./resolver.js";
import { TextHydrator } from "./text-hydrator.js";
import { TextRenderer } from "./text-renderer.js";
import {
  checkValidators,
  type OutputPredicate,
  type OutputValidator,
  validateOutput,
} from "./validators.js";

/** Options of {@link TemplateEngine}. */
export interface TemplateEngineOptions extends TextOptions {
  /** Rules that every hydrated text must satisfy, checked in order. */
  readonly validators?: readonly (OutputValidator | OutputPredicate)[] | undefined;
}

/** A hydrated text, with a report about its handles. */
export interface HydratedText extends HydrationReport {
  readonly text: string;
}

const OPTIONS: ReadonlySet<string> = new Set([...TEXT_OPTIONS, "validators"]);

/**
 * Inserts payloads into text that was written with handles in their place.
 *
 * Placeholders are `{{hdl_…}}`, `{{hdl_…#/pointer}}` for one part of a payload, and the tag `<handle
 * id="hdl_…" safe_view="…"/>` that `toTag` writes. Ids outside placeholders are plain text. Inserted text is
 * escaped for the output's format and not searched for placeholders.
 *
 *
 * @example
 * ```ts
 * const engine = new TemplateEngine(vault, { format: "html" });
 * const { text } = await engine.hydrate(`<p>Total: {{${handle.id}#/total}}</p>`, {
 *   requestingPrincipal: "spiffe://example.org/gateway",
 *   allow: [handle.id],
 * });
 * ```
 */
export class TemplateEngine {
  readonly #vault: Vault;
  readonly #settings: TextSettings;
  readonly #validators: readonly OutputValidator[];

  /** @throws TypeError or `RangeError` An option is invalid. */
  constructor(vault: Vault, options: TemplateEngineOptions = {}) {
    checkVaultAndOptions(vault, options, OPTIONS);
    this.#vault = vault;
    this.#settings = checkTextOptions(options);
    this.#validators = checkValidators(options.validators ?? []);
  }

  /** Returns the placeholders of a text in order, including repeated ones. Opens no handle. */
  parse(text: string): Placeholder[] {
    const { segments } = this.#scan(text);
    return segments.filter((segment) => typeof segment !== "string");
  }

  /**
   * Returns the text with given payloads in the place of their placeholders.
   *
   * @param payloads - The payloads by handle id. Placeholders of other handles, and of pointers that do not
   *   exist in the payload, stay unchanged.
   * @throws {@link HydrationError} The output is too large, or a payload cannot be rendered.
   */
  render(text: string, payloads: ReadonlyMap<string, unknown>): string {
    const source = new GivenPayloads(payloads);
    const segments = admit(this.#scan(text).segments, contextOf(this.#settings.format), source);
    const rendered = new TextRenderer(source, this.#settings).render(segments);
    if (source.refused.size > 0) throw new HydrationError("unresolved-handles", source.refused);
    return rendered;
  }

  /**
   * Returns the text with the payloads of its handles. Opens each handle once, all in one call to the vault.
   *
   * @throws {@link HydrationError} A handle cannot be opened or is not allowed, a limit is exceeded, or the
   *   text ends within a placeholder. The error lists all problems. With `onUnresolved: "keep"`, references
   *   that cannot be hydrated stay unchanged and are reported.
   * @throws OutputValidationError The result violates a rule.
   */
  async hydrate(text: string, options: HydrateOptions): Promise<HydratedText> {
    checkVaultAndOptions(this.#vault, options, HYDRATE_OPTIONS);
    checkText(text);
    const resolving = checkHydrateOptions(options, this.#settings.maxHandles);
    const resolver = new HandleResolver(this.#vault, resolving);
    const hydrator = new TextHydrator(resolver, this.#settings);
    const hydrated = (await hydrator.push(text)) + (await hydrator.end());
    await validateOutput(hydrated, this.#validators);
    return { text: hydrated, ...resolver.report() };
  }

  #scan(text: string) {
    checkText(text);
    const scanner = new PlaceholderScanner(this.#settings);
    const segments = scanner.push(text);
    return { segments: [...segments, ...scanner.end().segments] };
  }
}

/** Payloads that the caller has already opened. */
class GivenPayloads implements ReferenceSource {
  readonly refused = new Map<string, UnresolvedReason>();
  readonly #payloads: ReadonlyMap<string, unknown>;

  constructor(payloads: ReadonlyMap<string, unknown>) {
    this.#payloads = payloads;
  }

  resolve({ reference }: FoundReference): Resolved {
    return reference === undefined || !this.#payloads.has(reference.id)
      ? { ok: false, reason: "failed" }
      : placeIn({ ok: true, value: this.#payloads.get(reference.id) }, reference.pointer);
  }

  refuse({ written }: FoundReference, reason: UnresolvedReason): void {
    this.refused.set(written, reason);
  }
}

function checkText(text: unknown): asserts text is string {
  if (typeof text !== "string") throw new TypeError("text must be a string");
}
