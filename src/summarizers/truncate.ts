import { checkInteger, checkOptions } from "../vault/checks.js";
import { SafeView, type Summarizer } from "../vault/safe-view.js";
import { schemaSummarizer } from "./schema.js";

const OPTIONS: ReadonlySet<string> = new Set(["unsafe", "characters"]);
const DEFAULT_CHARACTERS = 200;
/** At most three bytes of UTF-8 each, so they always fit into a safe view. */
const MAX_CHARACTERS = 1000;
const MARK = " [TRUNCATED]";

/** Options of {@link truncateSummarizer}. */
export interface TruncateSummarizerOptions {
  /** Must be `true`: it confirms that showing part of the payload is intended. */
  readonly unsafe: true;
  /** The number of characters to show; at most 1,000. Default 200. */
  readonly characters?: number | undefined;
}

/**
 * Returns a summarizer that shows the beginning of a text **unchanged**, whatever it contains. The leak
 * guard accepts it. Other payloads are summarized like by {@link schemaSummarizer}.
 *
 * @throws TypeError `unsafe: true` is not given.
 * @throws RangeError `characters` is out of its bounds.
 *
 * @example
 * ```ts
 * const summarizer = truncateSummarizer({ unsafe: true, characters: 80 });
 * ```
 */
export function truncateSummarizer(options: TruncateSummarizerOptions): Summarizer {
  checkOptions(options, "truncateSummarizer options", OPTIONS);
  const { unsafe, characters = DEFAULT_CHARACTERS } = options;
  if (unsafe !== true)
    throw new TypeError("unsafe must be true: this shows the payload's beginning");
  checkInteger(characters, "characters", { min: 1, max: MAX_CHARACTERS });
  const otherwise = schemaSummarizer();
  return {
    summarize(data, context) {
      if (typeof data !== "string") return otherwise.summarize(data, context);
      const summary = truncated(data, characters);
      return new SafeView({ summary, dataType: "text", shown: [""] });
    },
  };
}

function truncated(text: string, characters: number): string {
  // If the limit separates a surrogate pair, neither half is shown.
  const beginning = text.slice(0, characters).toWellFormed();
  if (text.length <= characters) return beginning;
  const isCut = /[\ud800-\udbff]$/.test(text.slice(0, characters));
  return (isCut ? beginning.slice(0, -1) : beginning) + MARK;
}
