/** Replaces placeholders by the text of their values. */
import { HydrationError } from "../../vault/errors.js";
import type { Placeholder, Segment } from "../forms/scanner.js";
import { type RenderingOptions, renderer, type Stringify } from "./rendering.js";
import type { ReferenceSource } from "./resolver.js";

/** The format of a renderer, and its limit on the output. */
export interface TextRendererSettings extends RenderingOptions {
  readonly maxOutputLength: number;
}

/** Renders the segments of one text. Inserted text is not searched for placeholders. */
export class TextRenderer {
  readonly #source: ReferenceSource;
  readonly #stringify: Stringify;
  /**
   * The rendered text by reference, so that each is rendered once; `undefined` if rendering failed, which
   * also takes time.
   */
  readonly #rendered = new Map<string, string | undefined>();
  #lengthLeft: number;

  constructor(source: ReferenceSource, settings: TextRendererSettings) {
    this.#source = source;
    this.#stringify = renderer(settings);
    this.#lengthLeft = settings.maxOutputLength;
  }

  /**
   * Returns the text of segments. Placeholders that cannot be replaced stay unchanged.
   *
   * @throws {@link HydrationError} The output, with the text rendered before, is too large.
   */
  render(segments: readonly Segment[]): string {
    return segments.map((segment) => this.#count(this.#textOf(segment))).join("");
  }

  #textOf(segment: Segment): string {
    if (typeof segment === "string") return segment;
    if (!this.#rendered.has(segment.written)) this.#insert(segment);
    return this.#rendered.get(segment.written) ?? segment.text;
  }

  #insert(placeholder: Placeholder): void {
    const resolved = this.#source.resolve(placeholder);
    if (!resolved.ok) return;
    const text = this.#render(resolved.value);
    this.#rendered.set(placeholder.written, text);
    if (text === undefined) this.#source.refuse(placeholder, "not-renderable");
  }

  #render(value: unknown): string | undefined {
    try {
      return this.#stringify(value);
    } catch {
      // The error is dropped, because it may contain the payload.
      return undefined;
    }
  }

  #count(text: string): string {
    this.#lengthLeft -= text.length;
    if (this.#lengthLeft < 0) throw new HydrationError("output-too-large");
    return text;
  }
}
