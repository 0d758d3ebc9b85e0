/**
 * Summarizers that write safe views: what anybody may know of a payload.
 *
 * @module
 */
export { type AggregateSummarizerOptions, aggregateSummarizer } from "./safe-view/aggregate.js";
export { type MaskRule, type MaskSummarizerOptions, maskSummarizer } from "./safe-view/mask.js";
export { type SchemaSummarizerOptions, schemaSummarizer } from "./safe-view/schema.js";
export { type TruncateSummarizerOptions, truncateSummarizer } from "./safe-view/truncate.js";
export {
  SafeView,
  type SafeViewFields,
  type Summarizer,
  type SummaryContext,
} from "./vault/safe-view.js";
