/** Puts payloads in the places of their placeholders, in text that comes in pieces. */
import { HydrationError } from "../vault/errors.js";
import { admit, contextOf } from "./admission.js";
import type { InsertionContext } from "./insertion-context.js";
import { LeftoverIds } from "./leftover-ids.js";
import type { TextSettings } from "./options.js";
import type { HandleResolver } from "./resolver.js";
import { PlaceholderScanner, type Segment } from "./scanner.js";
import { TextRenderer } from "./text-renderer.js";

/**
 * Hydrates one text: give it the pieces in order, each after the one before it was answered.
 *
 * However the text is cut into pieces, the same comes out.
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
   * Reads one more piece and returns the text that is certain by now.
   *
   * @throws {@link HydrationError}
   */
  async push(piece: string): Promise<string> {
    return this.#hydrate(this.#scanner.push(piece));
  }

  /**
   * Ends the text and returns the rest of it.
   *
   * @throws {@link HydrationError} The text was cut off within a placeholder, among others.
   */
  async end(): Promise<string> {
    const { segments, isIncomplete } = this.#scanner.end();
    if (isIncomplete) throw new HydrationError("incomplete-placeholder");
    const text = await this.#hydrate(segments);
    this.#resolver.mention(this.#leftover.end());
    return text;
  }

  /** Looks for ids in what is delivered as it was written; never in what is inserted. */
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
