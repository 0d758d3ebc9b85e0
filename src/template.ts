/**
 * Hydration: replaces handles with payloads in text that a model wrote, in values, and in streams.
 *
 * @module
 */

export type { Reference } from "./template/forms/references.js";
export type { Placeholder } from "./template/forms/scanner.js";
export { type DenyPatternsOptions, denyPatterns } from "./template/render/deny-patterns.js";
export {
  findReferences,
  type HydratePlace,
  type InsideStrings,
  type LocatedReference,
  type PlaceOptions,
} from "./template/render/find-references.js";
export {
  type HydratedValue,
  type HydrateValueOptions,
  hydrateValue,
  type Insertion,
} from "./template/render/hydrate-value.js";
export type {
  HandleReferences,
  HydrateOptions,
  HydrationLimits,
  TextOptions,
} from "./template/render/options.js";
export type { OutputFormat } from "./template/render/output-format.js";
export type { RenderingOptions, Stringify } from "./template/render/rendering.js";
export type { HydrationReport, Unresolved } from "./template/render/resolver.js";
export {
  type HydratedText,
  TemplateEngine,
  type TemplateEngineOptions,
} from "./template/render/template-engine.js";
export { toTag } from "./template/render/to-tag.js";
export {
  type LengthBounds,
  lengthWithin,
  matchesSchema,
  type OutputCheck,
  type OutputPredicate,
  type OutputSchema,
  type OutputValidator,
} from "./template/render/validators.js";
export {
  type Delta,
  type EventDeltas,
  type HydrateDeltasOptions,
  hydrateDeltas,
} from "./template/stream/hydrate-deltas.js";
export {
  type HydrateStreamOptions,
  hydrateByteStream,
  hydrateStream,
} from "./template/stream/hydrate-stream.js";
export {
  anthropicDeltas,
  type DeltaPlace,
  type DeltaPlaces,
  type HydrateServerSentEventsOptions,
  hydrateServerSentEvents,
  openAiDeltas,
} from "./template/stream/server-sent-events.js";
export { HydrationError, OutputValidationError } from "./vault/errors.js";
