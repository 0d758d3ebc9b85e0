/**
 * Summarizers that write safe views: what anybody may know of a payload.
 *
 * @module
 */
export { type AggregateSummarizerOptions, aggregateSummarizer } from "./summarizers/aggregate.js";
export { type MaskRule, type MaskSummarizerOptions, maskSummarizer } from "./summarizers/mask.js";
export { type SchemaSummarizerOptions, schemaSummarizer } from "./summarizers/schema.js";
export { type TruncateSummarizerOptions, truncateSummarizer } from "./summarizers/truncate.js";
export {
  SafeView,
  type SafeViewFields,
  type Summarizer,
  type SummaryContext,
} from "./vault/safe-view.js";
