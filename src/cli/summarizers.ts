/** The summarizers that a policy file can name. */
import type { ValueSummarizer } from "../mcp/safe-views.js";

export const SUMMARIZERS: ReadonlyMap<string, ValueSummarizer> = new Map();
