/** The summarizers that a policy file can select by name. */
import { aggregateSummarizer } from "../summarizers/aggregate.js";
import { schemaSummarizer } from "../summarizers/schema.js";
import type { Summarizer } from "../vault/safe-view.js";

export const SUMMARIZERS: ReadonlyMap<string, Summarizer> = new Map([
  ["aggregate", aggregateSummarizer()],
  ["schema", schemaSummarizer()],
]);
