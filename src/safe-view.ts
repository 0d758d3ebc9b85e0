/**
 * Summarizers that write safe views: the public descriptions of payloads.
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
