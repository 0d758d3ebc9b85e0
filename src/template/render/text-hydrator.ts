/** Replaces placeholders by payloads, in text that arrives in chunks. */
import { HydrationError } from "../../vault/errors.js";
import { LeftoverIds } from "../forms/leftover-ids.js";
import { PlaceholderScanner, type Segment } from "../forms/scanner.js";
import { admit, contextOf } from "./admission.js";
import type { InsertionContext } from "./insertion-context.js";
import type { TextSettings } from "./options.js";
import type { HandleResolver } from "./resolver.js";
import { TextRenderer } from "./text-renderer.js";

/**
 * Hydrates one text. Push its chunks in order, each after the promise of the one before has resolved.
 *
 * The output does not depend on the division into chunks.
 */
export class TextHydrator {
  readonly #scanner: PlaceholderScanner;
  readonly #resolver: HandleResolver;
  readonly #renderer: TextRenderer;
  readonly #context: InsertionContext;
  readonly #leftover = new LeftoverIds();

  constructor(resolver: HandleResolver, settings: TextSettings) {
    this.#scanner = new PlaceholderScanner(settings);
    this.#resolver = resolver;
    this.#renderer = new TextRenderer(resolver, settings);
    this.#context = contextOf(settings.format);
  }

  /**
   * Reads one more chunk and returns the text that is certain so far.
   *
   * @throws {@link HydrationError}
   */
  async push(piece: string): Promise<string> {
    return this.#hydrate(this.#scanner.push(piece));
  }

  /**
   * Ends the text and returns the rest of it.
   *
   * @throws {@link HydrationError} For example, the text ends within a placeholder.
   */
  async end(): Promise<string> {
    const { segments, isIncomplete } = this.#scanner.end();
    if (isIncomplete) throw new HydrationError("incomplete-placeholder");
    const text = await this.#hydrate(segments);
    this.#resolver.mention(this.#leftover.end());
    return text;
  }

  /** Searches for ids in the plain text that passes unchanged, never in inserted text. */
  #findLeftover(segments: readonly Segment[]): void {
    for (const segment of segments) {
      const ids = typeof segment === "string" ? this.#leftover.push(segment) : this.#leftover.end();
      this.#resolver.mention(ids);
    }
  }

  async #hydrate(found: readonly Segment[]): Promise<string> {
    this.#findLeftover(found);
    const segments = admit(found, this.#context, this.#resolver);
    const placeholders = segments.filter((segment) => typeof segment !== "string");
    if (placeholders.length > 0) await this.#resolver.open(placeholders);
    const text = this.#renderer.render(segments);
    this.#resolver.throwIfUnresolved();
    return text;
  }
}
