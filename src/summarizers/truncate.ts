import { checkInteger, checkOptions } from "../vault/checks.js";
import { SafeView, type Summarizer } from "../vault/safe-view.js";
import { schemaSummarizer } from "./schema.js";

const OPTIONS: ReadonlySet<string> = new Set(["unsafe", "characters"]);
const DEFAULT_CHARACTERS = 200;
/** Within what a safe view may take, whatever the characters are. */
const MAX_CHARACTERS = 1000;
const MARK = " [TRUNCATED]";

/** How much {@link truncateSummarizer} shows. */
export interface TruncateSummarizerOptions {
  /** Says that whoever asks for this knows what it does. */
  readonly unsafe: true;
  /** How many characters are shown; at most 1,000. Default 200. */
  readonly characters?: number | undefined;
}

/**
 * Returns a summarizer that shows the beginning of a text **as it is**, whatever stands there. The leak
 * guard lets it pass. Of other payloads it shows what {@link schemaSummarizer} does.
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
  // A pair of surrogates that the cut went through is left out whole.
  const beginning = text.slice(0, characters).toWellFormed();
  if (text.length <= characters) return beginning;
  const isCut = /[\ud800-\udbff]$/.test(text.slice(0, characters));
  return (isCut ? beginning.slice(0, -1) : beginning) + MARK;
}
