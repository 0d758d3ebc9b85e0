/**
 * Hydration: replaces handles with payloads in text that a model wrote, in values, and in streams.
 *
 * @module
 */
export { type DenyPatternsOptions, denyPatterns } from "./template/deny-patterns.js";
export {
  findReferences,
  type HydratePlace,
  type InsideStrings,
  type LocatedReference,
  type PlaceOptions,
} from "./template/find-references.js";
export {
  type Delta,
  type EventDeltas,
  type HydrateDeltasOptions,
  hydrateDeltas,
} from "./template/hydrate-deltas.js";
export {
  type HydrateStreamOptions,
  hydrateByteStream,
  hydrateStream,
} from "./template/hydrate-stream.js";
export {
  type HydratedValue,
  type HydrateValueOptions,
  hydrateValue,
  type Insertion,
} from "./template/hydrate-value.js";
export type {
  HandleReferences,
  HydrateOptions,
  HydrationLimits,
  TextOptions,
} from "./template/options.js";
export type { OutputFormat } from "./template/output-format.js";
export type { Reference } from "./template/references.js";
export type { RenderingOptions, Stringify } from "./template/rendering.js";
export type { HydrationReport, Unresolved } from "./template/resolver.js";
export type { Placeholder } from "./template/scanner.js";
export {
  anthropicDeltas,
  type DeltaPlace,
  type DeltaPlaces,
  type HydrateServerSentEventsOptions,
  hydrateServerSentEvents,
  openAiDeltas,
} from "./template/server-sent-events.js";
export {
  type HydratedText,
  TemplateEngine,
  type TemplateEngineOptions,
} from "./template/template-engine.js";
export { toTag } from "./template/to-tag.js";
export {
  type LengthBounds,
  lengthWithin,
  matchesSchema,
  type OutputCheck,
  type OutputPredicate,
  type OutputSchema,
  type OutputValidator,
} from "./template/validators.js";
export { HydrationError, OutputValidationError } from "./vault/errors.js";
